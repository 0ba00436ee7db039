/**
 * Receives and closes, again and again, with frames still to come, and looks at what is open and mapped afterwards, and whether the
 * socket has what comes later.
 *
 *     left_behind.ts PATH
 *
 * @module
 */

import { MSG_DONTWAIT, openDescriptors, recv, tearDownPacketRing } from "../../../../ffi/mod.ts";
import { sharedWithKernel } from "../../../ffi/mappings.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";
import { isSame, nearSocket, numberedFrame, Sender } from "../../../ffi/programs/veth.ts";
import { openFrameSource } from "../../../../lib/receive/mod.ts";
import { pathArgument, Receiver } from "./receiving.ts";

const path = pathArgument();
using sender = new Sender();

function useAndClose(): number {
  using receiver = new Receiver(path);
  for (let i = 0; i < 10; i++) sender.send(numberedFrame(i, 60));
  let taken = 0;
  while (taken < 5 && receiver.await()) taken++;
  receiver.source[Symbol.dispose](); // and once more at the end
  return taken;
}

/** Whether a frame that is sent after the close is left to whoever reads the socket. */
function isLeftAlone(): boolean {
  using near = nearSocket();
  openFrameSource(path, near.fd)[Symbol.dispose]();
  tearDownPacketRing(near.fd);
  const frame = numberedFrame(7, 100);
  sender.send(frame);
  const bytes = new Uint8Array(2048);
  return isSame(bytes.subarray(0, recv(near.fd, bytes, MSG_DONTWAIT)), frame);
}

const open = JSON.stringify([...openDescriptors("self")]);
let taken = 0;
for (let round = 0; round < 10; round++) taken += useAndClose();
const isLeft = isLeftAlone();
printJson({
  taken,
  isLeft,
  sameOpen: JSON.stringify([...openDescriptors("self")]) === open,
  mapped: sharedWithKernel(),
});
