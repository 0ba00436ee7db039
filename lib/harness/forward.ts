/**
 * The child's receiving loop: it forwards every frame of the passed socket to the parent, which
 * alone knows what it has sent.
 *
 * @module
 */

import { realtime } from "../../ffi/process/clock.ts";
import type { ChildRun } from "./child_run.ts";
import { HEAD_LIMIT } from "./protocol.ts";
import { currentFrame, type FrameSource } from "../receive/mod.ts";

/**
 * After how many frames in a row the child checks for a message of the parent. Steady traffic must
 * not starve the control channel.
 */
const FRAMES_BETWEEN_CHECKS = 32;

/**
 * Forwards frames until a message of the parent arrives.
 *
 * @throws {ExperimentError} If time runs out.
 * @throws {SystemError} If the socket fails.
 */
export function forwardFrames(run: ChildRun, source: FrameSource): void {
  do {
    for (let frames = 0; source.next();) {
      const stamp = source.timestamp();
      run.packet({
        bytes: source.length,
        head: currentFrame(source).subarray(0, HEAD_LIMIT).toBase64(),
        timestamp_ns: String(stamp ?? realtime()),
        stamped_by: stamp === undefined ? "child" : "kernel",
        vlan: source.vlan, // absent from the message if it is undefined
      });
      if (++frames % FRAMES_BETWEEN_CHECKS === 0 && run.hasMessage()) return;
    }
  } while (run.readable(source.fd) === "descriptor");
}
