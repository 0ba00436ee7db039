/**
 * Walking to the next frame of a packet ring, with a limit for every wait.
 *
 * @module
 */

import { type PacketRing, poll, POLLIN } from "../../../../ffi/mod.ts";
import { isSame, numberedFrame, sizeOf } from "../../programs/veth.ts";

/**
 * Moves to the next frame, and waits up to ten seconds for it. A signal may end a wait, which then
 * starts again.
 */
export function awaitFrame(ring: PacketRing, packetFd: number): boolean {
  for (const end = performance.now() + 10_000; performance.now() < end;) {
    if (ring.next()) return true;
    poll([packetFd], POLLIN, 100);
  }
  return false;
}

/** The captured bytes of the current frame. */
export function frameOf({ bytes, offset, captured }: PacketRing): Uint8Array<ArrayBuffer> {
  return bytes.subarray(offset, offset + captured);
}

/** Whether the current frame is the whole frame of this number. */
export function isAt(ring: PacketRing, number: number): boolean {
  const expected = numberedFrame(number, sizeOf(number));
  return ring.length === expected.length && isSame(frameOf(ring), expected);
}
