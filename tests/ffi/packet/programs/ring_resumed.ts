/**
 * Reads part of a ring, restores the tags there, and maps it again, as the successor of a dead
 * worker does.
 *
 * @module
 */

import { dup, OwnedFd, PacketRing, setUpPacketRing } from "../../../../ffi/mod.ts";
import { awaitFrame, frameOf } from "./ring_walk.ts";
import { printJson } from "../../programs/print_json.ts";
import { nearSocket, NUMBER_OFFSET, numberedFrame, Sender } from "../../programs/veth.ts";

const FRAMES = 40;
const GEOMETRY = { blockSize: 4096, blockCount: 64, retireTimeout: 20 };
const SIZE = 1000; // three in a block

using near = nearSocket();
using sender = new Sender();
setUpPacketRing(near.fd, GEOMETRY);
for (let i = 0; i < FRAMES; i++) sender.send(numberedFrame(i, SIZE));

function numberOf(ring: PacketRing): number {
  const { buffer, byteOffset } = frameOf(ring);
  return new DataView(buffer, byteOffset).getUint32(NUMBER_OFFSET);
}

/** Reads some frames by another descriptor of the same socket. */
function numbersRead(count: number): number[] {
  using copy = new OwnedFd(dup(near.fd));
  using ring = new PacketRing(copy.fd, GEOMETRY);
  const numbers: number[] = [];
  while (numbers.length < count && awaitFrame(ring, copy.fd)) numbers.push(numberOf(ring));
  return numbers;
}

const first = numbersRead(10);
const [start] = numbersRead(1);
const rest = numbersRead(FRAMES - start);
printJson({ first, start, rest });
