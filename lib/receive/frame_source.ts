/**
 * The interface of every receive path: a cursor that steps from frame to frame.
 *
 * It is a cursor rather than a list so that no memory is allocated for a frame, and so that a frame
 * in memory shared with the kernel is read in place.
 *
 * @module
 */

import type { VlanTag } from "../../ffi/packet/vlan_tag.ts";

/** The frames of a packet socket, one after another. */
export interface FrameSource extends Disposable {
  /**
   * The descriptor that poll(2) reports readable when {@linkcode next} would step: the packet
   * socket, or the io_uring in front of it.
   */
  readonly fd: number;

  /**
   * Steps to the next frame, without waiting. The memory of the previous frame is released.
   *
   * @returns false if there is no frame.
   * @throws {SystemError} If receiving fails, such as `ENETDOWN` once after the interface went
   * down.
   */
  next(): boolean;

  /**
   * Waits until {@linkcode next} would step. Only for a worker that waits for nothing else.
   *
   * @param milliseconds The longest wait. A signal also ends it.
   */
  wait(milliseconds: number): void;

  /** The memory that holds the current frame, from {@linkcode offset} on. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly offset: number;
  /**
   * How many bytes of the frame were captured: fewer than {@linkcode length} if the frame was cut,
   * because the receive path had no room for all of it.
   */
  readonly captured: number;
  /** The frame's length on the wire, in bytes, without {@linkcode vlan}. */
  readonly length: number;

  /**
   * The VLAN tag that the kernel has removed from the frame; `undefined` if it had none, or if this
   * receive path does not report it. Of two tags the kernel removes the outer one.
   */
  readonly vlan: VlanTag | undefined;

  /**
   * The size of the packets that the kernel, or the network card, has joined into this frame (GSO,
   * GRO), in bytes of payload; the last one may be shorter. 0 for an ordinary frame, and on a
   * socket without an offload header.
   */
  readonly segmentSize: number;
  /**
   * Whether the checksum of the packet is not yet computed: this machine has sent it, and no
   * hardware had to compute it. False on a receive path that does not report it, if the socket has
   * no offload header.
   */
  readonly isChecksumPending: boolean;
  /**
   * How many super-packets the kernel has dropped because the offload header cannot express their
   * type. A ring does not report them: they are among the drops of its socket.
   */
  readonly inexpressible: number;

  /**
   * Returns the kernel's time stamp, in nanoseconds since 1970; `undefined` if this receive path
   * has none, or if time stamps are not enabled on the socket.
   */
  timestamp(): bigint | undefined;
}

/** How many frames a receive path requests at once, if it can request several. */
export const BATCH = 64;

/** Returns the captured bytes of the current frame: a view, valid until the source's next step. */
export function currentFrame({ bytes, offset, captured }: FrameSource): Uint8Array<ArrayBuffer> {
  return bytes.subarray(offset, offset + captured);
}

/** The most frames that {@linkcode drain} discards: more than any default receive buffer holds. */
const DRAIN_LIMIT = 1 << 16;

/** Discards every frame that is queued, and returns how many there were. */
export function drain(source: FrameSource): number {
  let frames = 0;
  while (frames < DRAIN_LIMIT && source.next()) frames++;
  return frames;
}
