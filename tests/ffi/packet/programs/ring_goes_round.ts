/**
 * Sends 3000 frames through a ring that holds about eight of them.
 *
 * @module
 */

import { PacketRing, realtime, setUpPacketRing } from "../../../../ffi/mod.ts";
import { awaitFrame, isAt } from "./ring_walk.ts";
import { printJson } from "../../programs/print_json.ts";
import { counted, nearSocket, numberedFrame, Sender, sizeOf } from "../../programs/veth.ts";

const FRAMES = 3000;
const BURST = 5; // two to four blocks
// With this timeout each frame may get a block of its own.
const GEOMETRY = { blockSize: 4096, blockCount: 8, retireTimeout: 1 };

using near = nearSocket();
using sender = new Sender();
setUpPacketRing(near.fd, GEOMETRY);
using ring = new PacketRing(near.fd, GEOMETRY);

let asSent = 0;
let missing = 0;
let wronglyStamped = 0;
let wraps = 0;
let last = -1;
for (let first = 0; first < FRAMES; first += BURST) {
  const before = realtime();
  for (let number = first; number < first + BURST; number++) {
    sender.send(numberedFrame(number, sizeOf(number)));
  }
  for (let number = first; number < first + BURST; number++) {
    if (!awaitFrame(ring, near.fd)) {
      missing++;
      continue;
    }
    if (isAt(ring, number)) asSent++;
    const stamp = BigInt(ring.seconds) * 1_000_000_000n + BigInt(ring.nanoseconds);
    if (stamp < before || stamp > realtime()) wronglyStamped++;
    if (ring.offset < last) wraps++;
    last = ring.offset;
  }
}
printJson({
  asSent,
  missing,
  wronglyStamped,
  wentRound: wraps > 100,
  more: ring.next(),
  dropped: counted(near.fd).dropped,
});
