/**
 * Sends more frames than a ring holds while it is not read, and then continues.
 *
 * @module
 */

import { PacketRing, setUpPacketRing } from "../../../../ffi/mod.ts";
import { awaitFrame, frameOf, isAt } from "./ring_walk.ts";
import { printJson } from "../../programs/print_json.ts";
import {
  counted,
  nearSocket,
  NUMBER_OFFSET,
  numberedFrame,
  Sender,
  sizeOf,
} from "../../programs/veth.ts";

const GEOMETRY = { blockSize: 4096, blockCount: 3, retireTimeout: 1 };

using near = nearSocket();
using sender = new Sender();
setUpPacketRing(near.fd, GEOMETRY);
using ring = new PacketRing(near.fd, GEOMETRY);

const rounds: unknown[] = [];
let number = 0;
for (let round = 0; round < 3; round++) {
  const first = number;
  const flood = 200;
  while (number < first + flood) sender.send(numberedFrame(number, sizeOf(number++)));
  const { queued, dropped } = counted(near.fd);

  let received = 0;
  let disordered = 0;
  let last = first - 1;
  while (received < queued && awaitFrame(ring, near.fd)) {
    const frame = frameOf(ring);
    const current = new DataView(frame.buffer, frame.byteOffset).getUint32(NUMBER_OFFSET);
    if (current <= last || !isAt(ring, current)) disordered++;
    last = current;
    received++;
  }
  const more = ring.next();

  let recovered = 0;
  const gentle = 100;
  for (const end = number + gentle; number < end; number++) {
    sender.send(numberedFrame(number, sizeOf(number)));
    if (awaitFrame(ring, near.fd) && isAt(ring, number)) recovered++;
  }
  rounds.push({
    accountedFor: received + dropped === flood,
    both: received > 0 && dropped > 0,
    disordered,
    more,
    recovered,
    droppedLater: counted(near.fd).dropped,
  });
}
printJson(rounds);
