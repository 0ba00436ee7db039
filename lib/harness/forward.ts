/**
 * The child's receiving loop: it forwards the frames of the passed socket to the parent, which
 * alone knows what it has sent.
 *
 * Forwarding costs far more than receiving. On a busy interface a child that forwarded everything
 * would have no time left to receive, so it forwards a limited number of frames of others. Nothing
 * is left out if the parent sends no stimulus: then every frame may count.
 *
 * @module
 */

import { realtime } from "../../ffi/process/clock.ts";
import type { LinkLayer } from "../packets/link_layer.ts";
import { holdsStimulus } from "../packets/stimulus.ts";
import type { ChildRun } from "./child_run.ts";
import { HEAD_LIMIT } from "./protocol.ts";
import { currentFrame, type FrameSource } from "../receive/mod.ts";

/**
 * After how many frames in a row the child checks for a message of the parent. Steady traffic must
 * not starve the control channel.
 */
const FRAMES_BETWEEN_CHECKS = 32;

/** The most frames of others that are forwarded beside a stimulus. */
export const OTHERS_LIMIT = 1000;

/**
 * Forwards frames until a message of the parent arrives. Reports how many it has left out.
 *
 * @param stimulus The form of the stimulus' frames; null if there is no stimulus, and every frame
 * is to be forwarded.
 * @throws {ExperimentError} If time runs out.
 * @throws {SystemError} If the socket fails.
 */
export function forwardFrames(
  run: ChildRun,
  source: FrameSource,
  stimulus: LinkLayer | null = null,
): void {
  let others = 0;
  do {
    for (let frames = 0; source.next();) {
      const head = currentFrame(source).subarray(0, HEAD_LIMIT);
      const isOfOthers = stimulus !== null && !holdsStimulus(head, stimulus);
      if (!isOfOthers || ++others <= OTHERS_LIMIT) forward(run, source, head);
      if (++frames % FRAMES_BETWEEN_CHECKS === 0 && run.hasMessage()) {
        return reportLeftOut(run, others);
      }
    }
  } while (run.readable(source.fd) === "descriptor");
  reportLeftOut(run, others);
}

function forward(run: ChildRun, source: FrameSource, head: Uint8Array<ArrayBuffer>): void {
  const stamp = source.timestamp();
  run.packet({
    bytes: source.length,
    head: head.toBase64(),
    timestamp_ns: String(stamp ?? realtime()),
    stamped_by: stamp === undefined ? "child" : "kernel",
    vlan: source.vlan, // absent from the message if it is undefined
  });
}

function reportLeftOut(run: ChildRun, others: number): void {
  const leftOut = others - OTHERS_LIMIT;
  if (leftOut > 0) run.detail(`${leftOut} frames of others were received, and not forwarded`);
}
