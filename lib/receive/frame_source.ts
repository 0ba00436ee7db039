/**
 * What every way of receiving looks like to a worker: a cursor that steps from frame to frame.
 *
 * A cursor and not a list, so that nothing is allocated for a frame, and a frame that lies in memory shared with the kernel is read there.
 *
 * @module
 */

/** The frames of a packet socket, one after another. */
export interface FrameSource extends Disposable {
  /** What poll(2) finds readable when {@linkcode next} would step: the packet socket, or the ring before it. */
  readonly fd: number;

  /**
   * Steps to the next frame, without waiting. The one before is given back.
   *
   * @returns false if none is there.
   * @throws {SystemError} `ENETDOWN` once after the interface went down, …
   */
  next(): boolean;

  /**
   * Waits until {@linkcode next} would step, for a worker that has nothing else to wait for.
   *
   * @param milliseconds The longest wait. A signal ends it too.
   */
  wait(milliseconds: number): void;

  /** The memory in which the frame lies, from {@linkcode offset} on. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly offset: number;
  /** How many of its bytes are there. */
  readonly captured: number;
  /** Its length on the wire, in bytes. */
  readonly length: number;

  /** The kernel's time stamp, in nanoseconds since 1970; `undefined` if this way of receiving brings none, or the socket is not asked for it. */
  timestamp(): bigint | undefined;
}

/** The room for a frame where each has one of its own, in bytes. A longer one is cut. */
export const FRAME_ROOM = 2048;

/** How many frames are asked for at once where that can be said. */
export const BATCH = 64;

/** The bytes of the frame that a source is at, as far as they are there: a view, until its next step. */
export function currentFrame({ bytes, offset, captured }: FrameSource): Uint8Array<ArrayBuffer> {
  return bytes.subarray(offset, offset + captured);
}

/** The most frames that {@linkcode drain} takes: more than any default receive buffer holds. */
const DRAIN_LIMIT = 1 << 16;

/** Takes whatever is there, at once. Returns how many frames that were. */
export function drain(source: FrameSource): number {
  let frames = 0;
  while (frames < DRAIN_LIMIT && source.next()) frames++;
  return frames;
}
