/**
 * sendmsg(2) and recvmsg(2): a datagram, and control messages beside it.
 *
 * @module
 */

import { type ControlMessage, parseControlMessages } from "./cmsg.ts";
import { checkRestarting } from "../abi/errno.ts";
import { iovec, msghdr } from "../abi/layouts.ts";
import { libc } from "../abi/libc.ts";
import { addressOf } from "../abi/struct.ts";

const NOTHING = new Uint8Array(0);

/**
 * A `msghdr` that every call reuses. The calls are synchronous, so only one is under way at a time.
 * A pointer is set only if the buffer has changed, because reading an address costs as much as a
 * system call.
 *
 * SAFETY: the object references all that its header points to. Both objects of this class are
 * bindings of this module.
 */
class Message {
  readonly header = msghdr.alloc();
  readonly #words = new Uint32Array(this.header.bytes.buffer);
  readonly #vector = iovec.alloc();
  readonly #vectorWords = new Uint32Array(this.#vector.bytes.buffer);
  #data: Uint8Array<ArrayBuffer> = NOTHING;
  #control: Uint8Array<ArrayBuffer> = NOTHING;

  constructor() {
    this.header.msg_iov = addressOf(this.#vector.bytes);
    this.header.msg_iovlen = 1;
  }

  point(
    data: Uint8Array<ArrayBuffer>,
    control: Uint8Array<ArrayBuffer>,
    controlLength: number,
  ): void {
    if (data !== this.#data) this.#vector.iov_base = addressOf(data);
    if (control !== this.#control) this.header.msg_control = addressOf(control);
    this.#data = data;
    this.#control = control;
    this.#vectorWords[IOV_LEN] = data.length;
    this.controlLength = controlLength;
    this.#words[FLAGS] = 0;
  }

  get controlLength(): number {
    return this.#words[CONTROLLEN];
  }

  set controlLength(length: number) {
    this.#words[CONTROLLEN] = length;
  }

  get flags(): number {
    return this.#words[FLAGS];
  }
}

// Offsets of the fields in 32-bit words. Of a 64-bit length only the lower half is ever needed.
const IOV_LEN = iovec.fields.iov_len[0] / 4;
const CONTROLLEN = msghdr.fields.msg_controllen[0] / 4;
const FLAGS = msghdr.fields.msg_flags[0] / 4;

const outgoing = new Message();
const incoming = new Message();

/**
 * Sends a datagram with control messages beside it: sendmsg(2).
 *
 * @param data The bytes. Over `SOCK_STREAM` at least one, or the control messages are lost
 * (unix(7)).
 * @param control Control messages as `encodeControlMessages` lays them out; empty for none.
 * @param flags Such as `MSG_NOSIGNAL | MSG_DONTWAIT`.
 * @param controlLength How much of `control` is sent, in bytes; all of it by default.
 * @returns The number of bytes sent.
 * @throws {SystemError} `EAGAIN`, `EPIPE`, `EBADF` (a descriptor in `SCM_RIGHTS` is not open),
 * `EINVAL` (more than 253 descriptors, or a malformed control message), `ETOOMANYREFS`, …
 */
export function sendmsg(
  fd: number,
  data: Uint8Array<ArrayBuffer>,
  control: Uint8Array<ArrayBuffer>,
  flags: number,
  controlLength = control.length,
): number {
  outgoing.point(data, control, controlLength);
  return checkRestarting(() => libc.sendmsg(fd, outgoing.header.bytes, flags), "sendmsg");
}

/** The result of a recvmsg(2) call. */
export class ReceivedMessage {
  readonly #control: Uint8Array<ArrayBuffer>;

  /**
   * Keeps the results of the call.
   *
   * @param length The number of bytes received; with `MSG_TRUNC` in the call's flags, the length of
   * the whole datagram.
   * @param flags `msg_flags`: `MSG_TRUNC` if the data was cut, `MSG_CTRUNC` if the control messages
   * were.
   * @param control The control buffer.
   * @param controlLength The number of bytes of `control` that the kernel filled.
   */
  constructor(
    readonly length: number,
    readonly flags: number,
    control: Uint8Array<ArrayBuffer>,
    readonly controlLength: number,
  ) {
    this.#control = control;
  }

  /** The control messages. Their data are views of the control buffer, valid until it is reused. */
  get controlMessages(): ControlMessage[] {
    return parseControlMessages(this.#control.subarray(0, this.controlLength));
  }
}

/**
 * Receives a datagram and the control messages beside it: recvmsg(2).
 *
 * Descriptors in the control messages are open in this process when the call returns, and the
 * caller must close them, wanted or not. `receiveDescriptors` does that; prefer it.
 *
 * @param data The buffer for the bytes.
 * @param control The buffer for the control messages.
 * @param flags Such as `MSG_CMSG_CLOEXEC | MSG_DONTWAIT`. `MSG_PEEK` installs descriptors too.
 * @param room How much of `control` the kernel may fill, in bytes; all of it by default.
 * @throws {SystemError} `EAGAIN` if nothing is queued and the call may not wait, `ECONNRESET`, …
 */
export function recvmsg(
  fd: number,
  data: Uint8Array<ArrayBuffer>,
  control: Uint8Array<ArrayBuffer>,
  flags: number,
  room = control.length,
): ReceivedMessage {
  incoming.point(data, control, room);
  const length = checkRestarting(() => libc.recvmsg(fd, incoming.header.bytes, flags), "recvmsg");
  return new ReceivedMessage(length, incoming.flags, control, incoming.controlLength);
}
