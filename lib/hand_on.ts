/**
 * The child's receiving loop: every frame of the passed socket goes to the parent, which alone knows what it sent.
 *
 * @module
 */

import type { ChildRun } from "./child_run.ts";
import { HEAD_LIMIT } from "./messages.ts";
import { takeFrame } from "./packet_socket.ts";

/**
 * Hands frames on until the parent says something.
 *
 * @throws {ExperimentError} If time runs out.
 * @throws {SystemError} If the socket fails.
 */
export function handOnFrames(run: ChildRun, packetFd: number): void {
  while (run.readable(packetFd) === "descriptor") {
    const frame = takeFrame(packetFd);
    if (frame === undefined) continue;
    run.packet({
      bytes: frame.bytes,
      head: frame.head.subarray(0, HEAD_LIMIT).toBase64(),
      timestamp_ns: String(frame.timestamp),
    });
  }
}
