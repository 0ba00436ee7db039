/**
 * Takes frames from the receive queue of a packet socket by recvmsg(2), with what the kernel
 * reports beside them.
 *
 * @module
 */

import { MSG_DONTWAIT, MSG_TRUNC } from "../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { recvmsg } from "../../ffi/socket/message.ts";
import { Ancillary, ANCILLARY_SPACE } from "./ancillary.ts";
import { FRAME_ROOM } from "./link_layer.ts";

/** Buffers for one frame, filled again and again. */
export class FrameBuffer {
  readonly #control = new Uint8Array(ANCILLARY_SPACE);
  /** The frame, behind its offload header if the socket has one. */
  readonly bytes = new Uint8Array(FRAME_ROOM);
  /** What the kernel reports beside it. */
  readonly ancillary = new Ancillary(this.#control);
  /** The whole length of what was received, in bytes. */
  length = 0;

  /**
   * Receives the next frame, without waiting.
   *
   * @returns false if the queue is empty.
   * @throws {SystemError} `ENETDOWN` once after the interface went down, `EBADF`, …
   */
  receive(fd: number): boolean {
    try {
      const message = recvmsg(fd, this.bytes, this.#control, MSG_DONTWAIT | MSG_TRUNC);
      this.length = message.length;
      this.ancillary.moveTo(0, message.controlLength);
      return true;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (error.errno === Errno.EAGAIN) return false;
      throw new SystemError(error.syscall, error.errno, "Cannot receive from the packet socket");
    }
  }
}

/** A received frame. */
export interface Frame {
  /** Its length on the wire, in bytes, without a VLAN tag that the kernel has removed. */
  readonly bytes: number;
  /** Its bytes, as far as they fit: a view of the buffer, valid until the next call. */
  readonly head: Uint8Array<ArrayBuffer>;
  /** When the kernel received it, in nanoseconds since 1970. */
  readonly timestamp: bigint;
}

const buffer = new FrameBuffer();

/**
 * Takes the next frame from the queue of a packet socket, without waiting. The socket has no
 * offload header.
 *
 * @returns The frame; `undefined` if the queue is empty.
 * @throws As {@linkcode FrameBuffer.receive}.
 */
export function takeFrame(fd: number): Frame | undefined {
  if (!buffer.receive(fd)) return undefined;
  const { bytes, length, ancillary } = buffer;
  return {
    bytes: length,
    head: bytes.subarray(0, Math.min(length, bytes.length)),
    // A frame without a stamp may be from any time, so it counts as older than everything.
    timestamp: ancillary.timestamp ?? 0n,
  };
}
