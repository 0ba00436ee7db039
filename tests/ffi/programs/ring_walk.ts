/**
 * What the programs of packet rings share: walking to the next frame, with an end to every wait.
 *
 * @module
 */

import { type PacketRing, poll, POLLIN } from "../../../ffi/mod.ts";
import { isSame, numberedFrame, sizeOf } from "./veth.ts";

/** Steps to the next frame, and waits for it, ten seconds at most. Signals may end a wait; it begins again. */
export function awaitFrame(ring: PacketRing, packetFd: number): boolean {
  for (const end = performance.now() + 10_000; performance.now() < end;) {
    if (ring.next()) return true;
    poll([packetFd], POLLIN, 100);
  }
  return false;
}

/** The bytes of the frame that a ring is at, as far as they are there. */
export function frameOf({ bytes, offset, captured }: PacketRing): Uint8Array<ArrayBuffer> {
  return bytes.subarray(offset, offset + captured);
}

/** Whether a ring is at the frame with that number, all of it. */
export function isAt(ring: PacketRing, number: number): boolean {
  const expected = numberedFrame(number, sizeOf(number));
  return ring.length === expected.length && isSame(frameOf(ring), expected);
}
