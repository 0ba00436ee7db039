/**
 * Sends a few frames into rings whose blocks hold hundreds: one hands a block over after a few
 * milliseconds, the other after a long time.
 *
 * @module
 */

import { PacketRing, poll, POLLIN, setUpPacketRing } from "../../../../ffi/mod.ts";
import { awaitFrame, isAt } from "./ring_walk.ts";
import { printJson } from "../../programs/print_json.ts";
import { nearSocket, numberedFrame, Sender, sizeOf } from "../../programs/veth.ts";

using sender = new Sender();

function send(first: number, count: number): void {
  for (let i = first; i < first + count; i++) sender.send(numberedFrame(i, sizeOf(i)));
}

function soon() {
  const geometry = { blockSize: 1 << 18, blockCount: 8, retireTimeout: 5 };
  using near = nearSocket();
  setUpPacketRing(near.fd, geometry);
  using ring = new PacketRing(near.fd, geometry);
  const wakes: number[] = [];
  let asSent = 0;
  // More rounds than blocks: each uses another block.
  for (let round = 0; round < 10; round++) {
    send(round * 3, 3);
    wakes.push(poll([near.fd], POLLIN, 10_000)[0]);
    for (let i = 0; i < 3; i++) {
      if (awaitFrame(ring, near.fd) && isAt(ring, round * 3 + i)) asSent++;
    }
  }
  return { asSent, woken: wakes.filter((revents) => (revents & POLLIN) !== 0).length };
}

function late() {
  const geometry = { blockSize: 1 << 12, blockCount: 4, retireTimeout: 60_000 };
  using near = nearSocket();
  setUpPacketRing(near.fd, geometry);
  using ring = new PacketRing(near.fd, geometry);
  send(0, 1);
  const early = [poll([near.fd], POLLIN, 50)[0], ring.next()];
  for (let i = 1; i < 5; i++) sender.send(numberedFrame(i, 1514)); // fills the block
  return { early, full: awaitFrame(ring, near.fd) && isAt(ring, 0) };
}

printJson({ soon: soon(), late: late() });
