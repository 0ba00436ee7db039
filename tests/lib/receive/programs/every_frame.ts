/**
 * Receives frames of every length in bursts, and then drains the rest.
 *
 *     every_frame.ts PATH
 *
 * @module
 */

import { realtime } from "../../../../ffi/mod.ts";
import { takeStatistics } from "../../../../lib/packets/socket.ts";
import { drain } from "../../../../lib/receive/mod.ts";
import { numberedFrame, Sender, sizeOf } from "../../../ffi/programs/veth.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";
import { pathArgument, Receiver } from "./receiving.ts";

const FRAMES = 4000;
/**
 * The sizes of the bursts: from one frame to more than a batch, but never more than the socket
 * holds.
 */
const BURSTS = [1, 2, 63, 64, 65, 5];

using receiver = new Receiver(pathArgument());
using sender = new Sender();
const { source } = receiver;
const start = realtime();

let asSent = 0;
let missing = 0;
let wronglyStamped = 0;
let stamped = 0;
let last = start;
for (let first = 0, round = 0; first < FRAMES; round++) {
  const end = Math.min(FRAMES, first + BURSTS[round % BURSTS.length]);
  for (let number = first; number < end; number++) {
    sender.send(numberedFrame(number, sizeOf(number)));
  }
  for (let number = first; number < end; number++) {
    if (!receiver.await()) {
      missing++;
      continue;
    }
    if (receiver.isAt(numberedFrame(number, sizeOf(number)))) asSent++;
    const stamp = source.timestamp();
    if (stamp === undefined) continue;
    stamped++;
    if (stamp < last || stamp > realtime()) wronglyStamped++;
    last = stamp;
  }
  first = end;
}

const more = source.next();
for (let number = 0; number < 20; number++) sender.send(numberedFrame(number, 60));
let drained = 0;
for (let tries = 0; drained < 20 && tries < 100; tries++) {
  receiver.wait(100);
  drained += drain(source);
}
printJson({
  asSent,
  missing,
  stamped,
  wronglyStamped,
  more,
  drained,
  drainedLater: drain(source),
  dropped: takeStatistics(receiver.packetSocket.fd).drops,
});
