/**
 * Takes the interface down while frames wait, and brings it up again.
 *
 *     link_down.ts PATH TAKEN
 *
 * TAKEN is the number of the five frames that are read before.
 *
 * @module
 */

import { sleep, SystemError } from "../../../../ffi/mod.ts";
import { currentFrame, drain } from "../../../../lib/receive/mod.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";
import { ip, NUMBER_OFFSET, numberedFrame, Sender } from "../../../ffi/programs/veth.ts";
import { pathArgument, Receiver } from "./receiving.ts";

using receiver = new Receiver(pathArgument());
using sender = new Sender();
const { source } = receiver;

/** Returns the number of the current frame. */
function current(): number {
  const { buffer, byteOffset } = currentFrame(source);
  return new DataView(buffer, byteOffset).getUint32(NUMBER_OFFSET);
}

for (let i = 0; i < 5; i++) sender.send(numberedFrame(i, 60));
const taken: number[] = [];
for (let i = 0; i < Number(Deno.args[1]); i++) taken.push(receiver.await() ? current() : -1);
sleep(50); // every frame has arrived by then

ip("link", "set", "veth-fdpass", "down");
const readyWhenDown = receiver.wait(1000);
const waiting: number[] = [];
const errors: string[] = [];
for (let steps = 0; steps < 20; steps++) {
  try {
    if (source.next()) waiting.push(current());
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    errors.push(error.code);
  }
}
const readyAgain = receiver.wait(20);

ip("link", "set", "veth-fdpass", "up");
sleep(50);
drain(source);
sender.send(numberedFrame(99, 60));
const up = receiver.await() ? current() : -1;
printJson({ taken, readyWhenDown, waiting, errors, readyAgain, up });
