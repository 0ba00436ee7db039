/**
 * Passing descriptors over a Unix socket, with the strict receive: what was agreed comes, or nothing stays open.
 *
 * A descriptor arrives as a new number for the same open file description, without any privilege of the
 * sender's and without its close-on-exec flag. Source: unix(7), `SCM_RIGHTS`; net/core/scm.c.
 *
 * @module
 */

import { CMSG_SPACE, encodeControlMessages, isRights, rightsIn, rightsMessage } from "./cmsg.ts";
import { MSG_CMSG_CLOEXEC, MSG_CTRUNC, MSG_NOSIGNAL, MSG_TRUNC } from "./constants.ts";
import { close } from "./descriptor.ts";
import { recvmsg, sendmsg } from "./socket.ts";

/** A message came that is not what was agreed. Whatever descriptors were in it have been closed. */
export class DescriptorError extends Error {
  override readonly name = "DescriptorError";

  /**
   * @param reason What is wrong with the message.
   * @param expected How many descriptors were agreed.
   * @param received How many came, as far as there was room; all of them are closed.
   */
  constructor(reason: string, readonly expected: number, readonly received: number) {
    super(`Message refused: ${reason}`);
  }
}

/** How {@linkcode sendDescriptors} sends. */
export interface SendOptions {
  /** The bytes beside the descriptors; one zero byte if nothing is given, since a stream needs one. */
  data?: Uint8Array<ArrayBuffer>;
  /** Flags beside `MSG_NOSIGNAL`, such as `MSG_DONTWAIT`. */
  flags?: number;
}

/**
 * Sends descriptors over a Unix socket. They stay open here.
 *
 * Wraps sendmsg(2) with one `SCM_RIGHTS` message.
 *
 * @example
 * ```ts
 * import { AF_UNIX, close, receiveDescriptors, sendDescriptors, SOCK_CLOEXEC, SOCK_SEQPACKET, socketpair } from "./mod.ts";
 *
 * const [here, there] = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
 * sendDescriptors(here, [0]); // standard input
 * const { descriptors: [fd] } = receiveDescriptors(there, { expected: 1 });
 * [fd, here, there].forEach(close);
 * ```
 *
 * @param socketFd A connected `AF_UNIX` socket.
 * @param descriptors At most 253 (`SCM_MAX_FD`).
 * @throws {SystemError} `EBADF` (one is not open), `EINVAL` (too many, or an io_uring), `EAGAIN`, `EPIPE`, `ETOOMANYREFS`, …
 */
export function sendDescriptors(
  socketFd: number,
  descriptors: readonly number[],
  { data = new Uint8Array(1), flags = 0 }: SendOptions = {},
): void {
  const control = descriptors.length === 0
    ? new Uint8Array(0)
    : encodeControlMessages([rightsMessage(descriptors)]);
  sendmsg(socketFd, data, control, flags | MSG_NOSIGNAL);
}

/** What {@linkcode receiveDescriptors} takes. */
export interface ReceiveOptions {
  /** How many descriptors were agreed; 0 for a message that must bring none. */
  expected: number;
  /** Where the data go, and the most of them that were agreed; 4096 new bytes if nothing is given. */
  buffer?: Uint8Array<ArrayBuffer>;
  /** Flags beside `MSG_CMSG_CLOEXEC`, such as `MSG_DONTWAIT`. Not `MSG_PEEK`, which would install copies. */
  flags?: number;
}

/** What {@linkcode receiveDescriptors} returns. */
export interface Received {
  /** The bytes that came, in the buffer; none at the end of the connection. */
  data: Uint8Array<ArrayBuffer>;
  /** The descriptors, close-on-exec, exactly as many as expected, or none at the end of the connection. */
  descriptors: number[];
}

/**
 * Receives exactly as many descriptors as were agreed. They are the caller's to close.
 *
 * Wraps recvmsg(2). Every control message is looked at: alignment alone makes room for a second descriptor in a buffer
 * for one, and two `SCM_RIGHTS` messages may come in one. On any deviation everything that came is closed.
 *
 * @example
 * ```ts
 * import { AF_UNIX, close, DescriptorError, receiveDescriptors, sendDescriptors, SOCK_SEQPACKET, socketpair } from "./mod.ts";
 *
 * const [here, there] = socketpair(AF_UNIX, SOCK_SEQPACKET, 0);
 * sendDescriptors(here, [0, 1]); // one more than agreed
 * try {
 *   receiveDescriptors(there, { expected: 1 });
 * } catch (error) {
 *   console.assert(error instanceof DescriptorError && error.received === 2); // and both are closed
 * }
 * [here, there].forEach(close);
 * ```
 *
 * @param socketFd A connected `AF_UNIX` socket.
 * @throws {DescriptorError} If more or fewer came, another kind of control message, or a cut message.
 * @throws {SystemError} `EAGAIN` if nothing is there and the call may not wait, `ECONNRESET`, …
 */
export function receiveDescriptors(
  socketFd: number,
  { expected, buffer = new Uint8Array(4096), flags = 0 }: ReceiveOptions,
): Received {
  const control = new Uint8Array(expected === 0 ? 0 : CMSG_SPACE(4 * expected));
  const message = recvmsg(socketFd, buffer, control, flags | MSG_CMSG_CLOEXEC);
  const descriptors = message.controlMessages.filter(isRights).flatMap(rightsIn);

  const refusal = whyRefused(message, descriptors.length, expected);
  if (refusal !== undefined) {
    descriptors.forEach(close);
    throw new DescriptorError(refusal, expected, descriptors.length);
  }
  return { data: buffer.subarray(0, message.length), descriptors };
}

function whyRefused(
  { length, flags, controlMessages }: ReturnType<typeof recvmsg>,
  count: number,
  expected: number,
): string | undefined {
  if (flags & MSG_CTRUNC) return "control messages were cut off (MSG_CTRUNC)";
  if (flags & MSG_TRUNC) return "data was cut off (MSG_TRUNC)";
  if (!controlMessages.every(isRights)) return "a control message that is not SCM_RIGHTS";
  const endOfConnection = length === 0 && controlMessages.length === 0;
  if (count !== expected && !endOfConnection) {
    return `${count} descriptors came, ${expected} expected`;
  }
  if (controlMessages.length > 1) return "several SCM_RIGHTS messages in one";
}
