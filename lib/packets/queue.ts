/**
 * Takes frames from the receive queue of a packet socket, with the kernel's time stamps.
 *
 * @module
 */

import { MSG_DONTWAIT, MSG_TRUNC, SCM_TIMESTAMPNS, SOL_SOCKET } from "../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { timespec } from "../../ffi/abi/layouts.ts";
import { nanoseconds } from "../../ffi/process/clock.ts";
import { CMSG_SPACE, type ControlMessage, parseControlMessages } from "../../ffi/socket/cmsg.ts";
import { recvmsg } from "../../ffi/socket/message.ts";
import { FRAME_ROOM } from "./link_layer.ts";

/** A received frame. */
export interface Frame {
  /** Its length on the wire, in bytes. */
  readonly bytes: number;
  /** Its bytes, as far as they fit: a view of the buffer, valid until the next call. */
  readonly head: Uint8Array<ArrayBuffer>;
  /** When the kernel received it, in nanoseconds since 1970. */
  readonly timestamp: bigint;
}

const frameBuffer = new Uint8Array(FRAME_ROOM);
const controlBuffer = new Uint8Array(CMSG_SPACE(timespec.size));

/**
 * Takes the next frame from the queue of a packet socket, without waiting.
 *
 * @returns The frame; `undefined` if the queue is empty.
 * @throws {SystemError} `ENETDOWN` once after the interface went down, `EBADF`, …
 */
export function takeFrame(fd: number): Frame | undefined {
  try {
    const { length, controlMessages } = recvmsg(
      fd,
      frameBuffer,
      controlBuffer,
      MSG_DONTWAIT | MSG_TRUNC,
    );
    return {
      bytes: length,
      head: frameBuffer.subarray(0, Math.min(length, frameBuffer.length)),
      // A frame without a stamp may be from any time, so it counts as older than everything.
      timestamp: stampAmong(controlMessages) ?? 0n,
    };
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.EAGAIN) return undefined;
    if (error instanceof SystemError) {
      throw new SystemError(error.syscall, error.errno, "Cannot receive from the packet socket");
    }
    throw error;
  }
}

/**
 * Reads the kernel's time stamp from the control messages of a frame.
 *
 * @returns Nanoseconds since 1970; `undefined` if there is no stamp.
 */
export function stampIn(control: Uint8Array<ArrayBuffer>): bigint | undefined {
  return stampAmong(parseControlMessages(control));
}

function stampAmong(controlMessages: readonly ControlMessage[]): bigint | undefined {
  const stamp = controlMessages.find(({ level, type }) =>
    level === SOL_SOCKET && type === SCM_TIMESTAMPNS
  );
  return stamp && nanoseconds(timespec.over(new Uint8Array(stamp.data)));
}
