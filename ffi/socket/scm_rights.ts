/**
 * Passing descriptors over a Unix socket. The receive is strict: exactly the agreed descriptors
 * arrive, or none stays open.
 *
 * A received descriptor is a new number for the same open file description. It carries neither a
 * privilege of the sender nor its close-on-exec flag. Source: unix(7), `SCM_RIGHTS`;
 * net/core/scm.c.
 *
 * @module
 */

import {
  CMSG_ALIGN,
  CMSG_LEN,
  CMSG_SPACE,
  type ControlMessage,
  encodeControlMessages,
  isRights,
  rightsIn,
  rightsMessage,
} from "./cmsg.ts";
import {
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  SCM_MAX_FD,
  SCM_RIGHTS,
  SOL_SOCKET,
} from "../abi/constants.ts";
import { close } from "../process/descriptor.ts";
import { cmsghdr } from "../abi/layouts.ts";
import { type ReceivedMessage, recvmsg, sendmsg } from "./message.ts";

/** A message differs from what was agreed. All descriptors in it have been closed. */
export class DescriptorError extends Error {
  /** `DescriptorError`. */
  override readonly name = "DescriptorError";

  /**
   * Builds the message of the error.
   *
   * @param reason The deviation.
   * @param expected The agreed number of descriptors.
   * @param received The number received, as far as there was room; all are closed.
   */
  constructor(reason: string, readonly expected: number, readonly received: number) {
    super(`Message refused: ${reason}`);
  }
}

/** The options of {@linkcode sendDescriptors}. */
export interface SendOptions {
  /** The bytes beside the descriptors; one zero byte by default, since a stream needs one. */
  data?: Uint8Array<ArrayBuffer>;
  /** Flags beside `MSG_NOSIGNAL`, such as `MSG_DONTWAIT`. */
  flags?: number;
}

/**
 * Sends descriptors over a Unix socket: sendmsg(2) with one `SCM_RIGHTS` message. They stay open
 * here.
 *
 * @example
 * ```ts
 * import { AF_UNIX, close, receiveDescriptors, sendDescriptors } from "../mod.ts";
 * import { SOCK_CLOEXEC, SOCK_SEQPACKET, socketpair } from "../mod.ts";
 *
 * const [here, there] = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
 * sendDescriptors(here, [0]); // standard input
 * const { descriptors: [fd] } = receiveDescriptors(there, { expected: 1 });
 * [fd, here, there].forEach(close);
 * ```
 *
 * @param socketFd A connected `AF_UNIX` socket.
 * @param descriptors At most 253 (`SCM_MAX_FD`).
 * @throws {SystemError} `EBADF` (one is not open), `EINVAL` (too many, or an io_uring), `EAGAIN`,
 * `EPIPE`, `ETOOMANYREFS`, …
 */
export function sendDescriptors(
  socketFd: number,
  descriptors: readonly number[],
  { data = ONE_BYTE, flags = 0 }: SendOptions = {},
): void {
  const { length } = descriptors;
  if (length > SCM_MAX_FD) {
    const control = encodeControlMessages([rightsMessage(descriptors)]);
    sendmsg(socketFd, data, control, flags | MSG_NOSIGNAL); // the kernel refuses it
    return;
  }
  for (let i = 0; i < length; i++) outgoing.ints[DATA + i] = descriptors[i];
  outgoing.ints[LEN] = CMSG_LEN(4 * length);
  const space = length === 0 ? 0 : CMSG_SPACE(4 * length);
  sendmsg(socketFd, data, outgoing.bytes, flags | MSG_NOSIGNAL, space);
}

const ONE_BYTE = new Uint8Array(1);

/** A buffer for one `SCM_RIGHTS` message of the largest size. */
class RightsBuffer {
  readonly bytes = new Uint8Array(CMSG_SPACE(4 * SCM_MAX_FD));
  readonly ints = new Int32Array(this.bytes.buffer);
}

// Offsets in 32-bit words: of the lower half of cmsg_len, and of the data after the header.
const LEN = cmsghdr.fields.cmsg_len[0] / 4;
const LEVEL = cmsghdr.fields.cmsg_level[0] / 4;
const TYPE = cmsghdr.fields.cmsg_type[0] / 4;
const DATA = cmsghdr.size / 4;

// One for each direction, kept so that each address is read once.
const outgoing = new RightsBuffer();
outgoing.ints[LEVEL] = SOL_SOCKET;
outgoing.ints[TYPE] = SCM_RIGHTS;
const incoming = new RightsBuffer();

/** The options of {@linkcode receiveDescriptors}. */
export interface ReceiveOptions {
  /** The agreed number of descriptors; 0 for a message that must carry none. */
  expected: number;
  /** The buffer for the data, and so their agreed limit; 4096 new bytes by default. */
  buffer?: Uint8Array<ArrayBuffer>;
  /**
   * Flags beside `MSG_CMSG_CLOEXEC`, such as `MSG_DONTWAIT`. Not `MSG_PEEK`, which installs copies
   * of the descriptors.
   */
  flags?: number;
}

/** The result of {@linkcode receiveDescriptors}. */
export interface Received {
  /** The received bytes, in the buffer; empty at the end of the connection. */
  data: Uint8Array<ArrayBuffer>;
  /**
   * The descriptors, close-on-exec: exactly the expected number, or none at the end of the
   * connection.
   */
  descriptors: number[];
}

/**
 * Receives exactly the agreed number of descriptors: recvmsg(2). The caller closes them.
 *
 * Every control message is examined: alignment alone leaves room for a second descriptor in a
 * buffer for one, and one message may carry two `SCM_RIGHTS`. On any deviation everything received
 * is closed.
 *
 * @example
 * ```ts
 * import { AF_UNIX, close, DescriptorError, receiveDescriptors } from "../mod.ts";
 * import { sendDescriptors, SOCK_SEQPACKET, socketpair } from "../mod.ts";
 *
 * const [here, there] = socketpair(AF_UNIX, SOCK_SEQPACKET, 0);
 * sendDescriptors(here, [0, 1]); // one more than agreed: both are closed
 * try {
 *   receiveDescriptors(there, { expected: 1 });
 * } catch (error) {
 *   console.assert(error instanceof DescriptorError && error.received === 2);
 * }
 * [here, there].forEach(close);
 * ```
 *
 * @param socketFd A connected `AF_UNIX` socket.
 * @throws {RangeError} If `expected` exceeds 253 (`SCM_MAX_FD`).
 * @throws {DescriptorError} If the number differs, a control message is of another kind, or the
 * message was truncated.
 * @throws {SystemError} `EAGAIN` if nothing is queued and the call may not wait, `ECONNRESET`, …
 */
export function receiveDescriptors(
  socketFd: number,
  { expected, buffer = new Uint8Array(4096), flags = 0 }: ReceiveOptions,
): Received {
  if (expected > SCM_MAX_FD) {
    throw new RangeError(`${expected} descriptors: one message carries at most ${SCM_MAX_FD}`);
  }
  const room = expected === 0 ? 0 : CMSG_SPACE(4 * expected);
  const message = recvmsg(socketFd, buffer, incoming.bytes, flags | MSG_CMSG_CLOEXEC, room);
  const descriptors = hasExactly(message, expected)
    ? descriptorsIn(incoming, expected)
    : accept(message, expected);
  const { length } = message;
  return { data: length === buffer.length ? buffer : buffer.subarray(0, length), descriptors };
}

/**
 * The usual case, recognized without an allocation: one whole message with exactly the expected
 * descriptors, or no control message if none is expected.
 */
function hasExactly({ flags, controlLength }: ReceivedMessage, expected: number): boolean {
  if ((flags & (MSG_CTRUNC | MSG_TRUNC)) !== 0) return false;
  if (expected === 0) return controlLength === 0;
  const { ints } = incoming;
  const length = CMSG_LEN(4 * expected);
  return ints[LEN] === length && ints[LEN + 1] === 0 && ints[LEVEL] === SOL_SOCKET &&
    ints[TYPE] === SCM_RIGHTS && controlLength >= length && controlLength <= CMSG_ALIGN(length);
}

function descriptorsIn({ ints }: RightsBuffer, count: number): number[] {
  const descriptors = new Array<number>(count);
  for (let i = 0; i < count; i++) descriptors[i] = ints[DATA + i];
  return descriptors;
}

/** Every other case: the message is parsed, and accepted or refused as a whole. */
function accept(message: ReceivedMessage, expected: number): number[] {
  const { controlMessages } = message;
  const descriptors = controlMessages.filter(isRights).flatMap(rightsIn);
  const refusal = whyRefused(message, controlMessages, descriptors.length, expected);
  if (refusal === undefined) return descriptors;
  descriptors.forEach(close);
  throw new DescriptorError(refusal, expected, descriptors.length);
}

function whyRefused(
  { length, flags }: ReceivedMessage,
  controlMessages: readonly ControlMessage[],
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
