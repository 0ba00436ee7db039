/**
 * Opens and closes a source again and again while frames still arrive. Then prints what is open and
 * mapped, and whether the socket has the frames that arrive later.
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
  receiver.source[Symbol.dispose](); // the end of the scope closes it again
  return taken;
}

/** Whether a frame sent after the close stays in the socket for its next reader. */
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
