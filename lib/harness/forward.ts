/**
 * The child's receiving loop: every frame of the passed socket goes to the parent, which alone knows what it sent.
 *
 * @module
 */

import { realtime } from "../../ffi/process/clock.ts";
import type { ChildRun } from "./child_run.ts";
import { HEAD_LIMIT } from "./protocol.ts";
import { currentFrame, type FrameSource } from "../receive/mod.ts";

/** After how many frames in a row the child looks whether the parent has said something: steady traffic must not drown it. */
const FRAMES_IN_A_ROW = 32;

/**
 * Hands frames on until the parent says something.
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
      });
      if (++frames % FRAMES_IN_A_ROW === 0 && run.hasParentSpoken()) return;
    }
  } while (run.readable(source.fd) === "descriptor");
}
