/**
 * Sending a frame by calls that `ffi/` has no function for, because only an attacker needs them.
 *
 * @module
 */

import { iovec, mmsghdr, msghdr } from "../../../ffi/abi/layouts.ts";
import { rawSyscall } from "../../../ffi/abi/raw_syscall.ts";
import { addressOf } from "../../../ffi/abi/struct.ts";
import { OwnedFd, pipe, write } from "../../../ffi/process/descriptor.ts";
import { sendmsg } from "../../../ffi/socket/message.ts";
import { retryWhileFull } from "../../packets/send.ts";

/** A way to send a frame by a bound packet socket. It throws a `SystemError` if it is refused. */
type Way = (packetFd: number, frame: Uint8Array<ArrayBuffer>) => void;

// SAFETY: the frame and the vector whose addresses are passed stay referenced here until the next
// call.
let held: { readonly frame: Uint8Array<ArrayBuffer>; readonly vector: Uint8Array<ArrayBuffer> };

/** Returns a vector of one piece of memory, and holds both. */
function vectorOf(frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const vector = iovec.alloc();
  vector.iov_base = addressOf(frame);
  vector.iov_len = frame.length;
  held = { frame, vector: vector.bytes };
  return held.vector;
}

/** Sends a frame by sendmsg(2). */
export const sendByMessage: Way = (packetFd, frame) =>
  retryWhileFull(() => sendmsg(packetFd, frame, new Uint8Array(), 0));

/** Sends a frame by sendmmsg(2). */
export const sendByMessages: Way = (packetFd, frame) => {
  const messages = mmsghdr.alloc();
  const header = msghdr.over(messages.bytes);
  header.msg_iov = addressOf(vectorOf(frame));
  header.msg_iovlen = 1;
  retryWhileFull(() => rawSyscall("sendmmsg", packetFd, messages.bytes, 1, 0));
};

/** Sends a frame by writev(2). */
export const sendByVector: Way = (packetFd, frame) => {
  const vector = vectorOf(frame);
  retryWhileFull(() => rawSyscall("writev", packetFd, vector, 1));
};

/** Sends a frame by splice(2): from a pipe into the socket. */
export const sendBySplice: Way = (packetFd, frame) => {
  const [reading, writing] = pipe();
  using from = new OwnedFd(reading);
  using into = new OwnedFd(writing);
  write(into.fd, frame);
  rawSyscall("splice", from.fd, 0, packetFd, 0, frame.length, 0);
};
