/**
 * Sockets: the calls of the Berkeley interface, thin, each with its errors.
 *
 * @module
 */

import { parseControlMessages } from "./cmsg.ts";
import type { ControlMessage } from "./cmsg.ts";
import { SO_ERROR, SO_PEERCRED, SOL_SOCKET } from "../abi/constants.ts";
import {
  AnswerError,
  check,
  checkRestarting,
  Errno,
  lastErrno,
  SystemError,
} from "../abi/errno.ts";
import { iovec, msghdr, pollfd } from "../abi/layouts.ts";
import { libc } from "../abi/libc.ts";
import { addressOf } from "../abi/struct.ts";

const NOTHING = new Uint8Array(0);

/** What memory is filled with that the kernel is to write to. No option of a socket has only such bytes. */
const UNWRITTEN = 0xa5;

/**
 * socket(2): opens a socket.
 *
 * @param domain Such as `AF_PACKET`.
 * @param type Such as `SOCK_RAW | SOCK_CLOEXEC`.
 * @param protocol 0, or as the domain has it (packet(7): in network byte order).
 * @returns Its descriptor.
 * @throws {SystemError} `EPERM` (a packet socket without CAP_NET_RAW), `EAFNOSUPPORT`, `EMFILE`, …
 */
export function socket(domain: number, type: number, protocol: number): number {
  return check(libc.socket(domain, type, protocol), "socket");
}

/**
 * bind(2): gives a socket its address.
 *
 * @param address The bytes of a `sockaddr` of the socket's family.
 * @throws {SystemError} `ENODEV`, `ENETDOWN`, `EINVAL`, …
 */
export function bind(fd: number, address: Uint8Array<ArrayBuffer>): void {
  check(libc.bind(fd, address, address.length), "bind");
}

/**
 * connect(2): names the peer of a socket; a datagram socket may be given another one later.
 *
 * @param address The bytes of a `sockaddr` of the socket's family.
 * @throws {SystemError} `ENETUNREACH`, `EACCES` (a broadcast address), `EPERM` (a filter of system calls), …
 */
export function connect(fd: number, address: Uint8Array<ArrayBuffer>): void {
  check(libc.connect(fd, address, address.length), "connect");
}

/**
 * socketpair(2): two connected `AF_UNIX` sockets.
 *
 * @throws {SystemError} `EMFILE`, `ENFILE`, …
 */
export function socketpair(
  domain: number,
  type: number,
  protocol: number,
): [first: number, second: number] {
  const pair = Int32Array.of(-1, -1);
  check(libc.socketpair(domain, type, protocol, pair), "socketpair");
  if (pair.includes(-1)) throw new AnswerError("socketpair", "no descriptors");
  return [pair[0], pair[1]];
}

/**
 * shutdown(2): ends a connection in one direction or both; whoever polls it is woken.
 *
 * @throws {SystemError} `ENOTCONN`, `EOPNOTSUPP` (a packet socket), …
 */
export function shutdown(fd: number, how: number): void {
  check(libc.shutdown(fd, how), "shutdown");
}

/**
 * getsockname(2): the address that a socket is bound to, as the bytes of a `sockaddr`.
 *
 * @throws {SystemError} `EBADF`, `ENOTSOCK`, …
 */
export function getsockname(fd: number): Uint8Array<ArrayBuffer> {
  return readAddress("getsockname", libc.getsockname, fd);
}

/**
 * getpeername(2): the address that a socket is connected to, as the bytes of a `sockaddr`.
 *
 * @throws {SystemError} `ENOTCONN`, `EBADF`, `ENOTSOCK`, …
 */
export function getpeername(fd: number): Uint8Array<ArrayBuffer> {
  return readAddress("getpeername", libc.getpeername, fd);
}

function readAddress(
  call: string,
  read: typeof libc.getsockname,
  fd: number,
): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(128).fill(UNWRITTEN); // sizeof(struct sockaddr_storage)
  const length = Uint32Array.of(address.length);
  check(read(fd, address, length), call);
  if (address[0] === UNWRITTEN && address[1] === UNWRITTEN) {
    throw new AnswerError(call, "no family");
  }
  return address.subarray(0, length[0]);
}

/**
 * getsockopt(2): an option of a socket, as bytes.
 *
 * @param size How many bytes the option has at most.
 * @throws {SystemError} `ENOTSOCK`, `ENOPROTOOPT`, …
 */
export function getsockopt(
  fd: number,
  level: number,
  option: number,
  size: number,
): Uint8Array<ArrayBuffer> {
  const value = new Uint8Array(size).fill(UNWRITTEN);
  const length = Uint32Array.of(size);
  check(libc.getsockopt(fd, level, option, value, length), "getsockopt");
  const answer = value.subarray(0, length[0]); // empty, if the option has no value: SO_BINDTODEVICE of a socket that is bound to none
  if (answer.length > 0 && answer.every((byte) => byte === UNWRITTEN)) {
    throw new AnswerError("getsockopt", `option ${option} of level ${level} has no value`);
  }
  return answer;
}

/** {@linkcode getsockopt} for an option that is an `int`. */
export function getsockoptInt(fd: number, level: number, option: number): number {
  return new Int32Array(getsockopt(fd, level, option, 4).buffer)[0];
}

/**
 * `SO_ERROR`: takes the error that is pending on a socket, as the next call on it would. Source: socket(7).
 *
 * @returns The errno; 0 for none.
 * @throws {SystemError} `ENOTSOCK`, …
 */
export function takeSocketError(fd: number): number {
  check(libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, socketError, socketErrorSize), "getsockopt");
  return socketError[0];
}

// Kept, since it is asked for whenever a ring is found empty.
const socketError = new Int32Array(1);
const socketErrorSize = Uint32Array.of(4);

/**
 * `SO_PEERCRED`: the process id of whoever made the other end of a Unix socket pair, or connected it. Source: unix(7).
 *
 * @throws {SystemError} `ENOTSOCK`, …
 */
export function peerPid(fd: number): number {
  return new Int32Array(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, 12).buffer)[0]; // struct ucred: pid, uid, gid
}

/**
 * setsockopt(2): sets an option of a socket. It is the open file description's: every process that holds
 * the socket sees it.
 *
 * @param value The option's bytes, or an `int`.
 * @throws {SystemError} `ENOPROTOOPT`, `EINVAL`, `EPERM`, …
 */
export function setsockopt(
  fd: number,
  level: number,
  option: number,
  value: number | Uint8Array<ArrayBuffer>,
): void {
  const bytes = typeof value === "number" ? Int32Array.of(value) : value;
  check(libc.setsockopt(fd, level, option, bytes, bytes.byteLength), "setsockopt");
}

/**
 * sendto(2) on a socket that knows its peer (no address is given).
 *
 * @returns How many bytes were taken.
 * @throws {SystemError} `EAGAIN`, `ENOBUFS`, `ENETDOWN`, `EMSGSIZE`, …
 */
export function send(fd: number, bytes: Uint8Array<ArrayBuffer>, flags: number): number {
  return checkRestarting(
    () => libc.sendto(fd, bytes, BigInt(bytes.length), flags, null, 0),
    "sendto",
  );
}

/**
 * sendto(2): sends to an address that the call gives.
 *
 * @param address The bytes of a `sockaddr`; for a packet socket a `sockaddr_ll`, which names the interface.
 * @returns How many bytes were taken.
 * @throws {SystemError} `ENXIO`, `ENETDOWN`, `EPERM`, …
 */
export function sendTo(
  fd: number,
  bytes: Uint8Array<ArrayBuffer>,
  flags: number,
  address: Uint8Array<ArrayBuffer>,
): number {
  return checkRestarting(
    () => libc.sendto(fd, bytes, BigInt(bytes.length), flags, address, address.length),
    "sendto",
  );
}

/**
 * recvfrom(2), without the sender's address.
 *
 * @returns The length of what was received; with `MSG_TRUNC` in `flags`, of the whole datagram.
 * @throws {SystemError} `EAGAIN` if nothing is there and the call may not wait, `ENETDOWN`, …
 */
export function recv(fd: number, buffer: Uint8Array<ArrayBuffer>, flags: number): number {
  return checkRestarting(
    () => libc.recvfrom(fd, buffer, BigInt(buffer.length), flags, null, null),
    "recvfrom",
  );
}

/**
 * A buffer that recvfrom(2) fills again and again, without garbage.
 *
 * @example
 * ```ts
 * import { AF_UNIX, MSG_DONTWAIT, ReceiveBuffer, send, SOCK_DGRAM, socketpair } from "../mod.ts";
 *
 * const [here, there] = socketpair(AF_UNIX, SOCK_DGRAM, 0);
 * const buffer = new ReceiveBuffer(2048);
 * send(here, Uint8Array.of(1, 2, 3), 0);
 * console.assert(buffer.receive(there, MSG_DONTWAIT) === 3 && buffer.bytes[2] === 3);
 * console.assert(buffer.receive(there, MSG_DONTWAIT) === -1);
 * ```
 */
export class ReceiveBuffer {
  /** What was received last is at its beginning. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #size: bigint;

  /**
   * Makes one.
   *
   * @param size In bytes.
   */
  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#size = BigInt(size);
  }

  /**
   * recvfrom(2), without the sender's address.
   *
   * @param flags Such as `MSG_DONTWAIT | MSG_TRUNC`.
   * @returns The length of what was received (with `MSG_TRUNC`, of the whole datagram); -1 if nothing is there and the call may
   * not wait, or a signal ended the wait.
   * @throws {SystemError} `ENETDOWN`, `EBADF`, …
   */
  receive(fd: number, flags: number): number {
    const length = libc.recvfrom(fd, this.bytes, this.#size, flags, null, null);
    if (length !== -1) return length;
    const errno = lastErrno();
    if (errno === Errno.EAGAIN || errno === Errno.EINTR) return -1;
    throw new SystemError("recvfrom", errno);
  }
}

/**
 * A `msghdr` that serves call after call: they are synchronous, so only one is ever under way. What it points to is pointed to anew only if it
 * is another than before, since to ask for an address takes as long as a system call.
 *
 * SAFETY: it holds what it points to, and is itself a binding of this module.
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

// Where the fields are, as indices of 32-bit words: the lower halves of lengths, which never need the upper.
const IOV_LEN = iovec.fields.iov_len[0] / 4;
const CONTROLLEN = msghdr.fields.msg_controllen[0] / 4;
const FLAGS = msghdr.fields.msg_flags[0] / 4;

const outgoing = new Message();
const incoming = new Message();

/**
 * sendmsg(2): sends a datagram with control messages beside it.
 *
 * @param data The bytes. Over `SOCK_STREAM` at least one, or the control messages are lost (unix(7)).
 * @param control Laid out by `encodeControlMessages`; empty for none.
 * @param flags Such as `MSG_NOSIGNAL | MSG_DONTWAIT`.
 * @param controlLength How much of `control` it is, in bytes.
 * @returns How many bytes were taken.
 * @throws {SystemError} `EAGAIN`, `EPIPE`, `EBADF` (a descriptor in `SCM_RIGHTS` is not open), `EINVAL` (more than 253 of
 * them, or a malformed control message), `ETOOMANYREFS`, …
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

/** What recvmsg(2) delivered. */
export class ReceivedMessage {
  readonly #control: Uint8Array<ArrayBuffer>;

  /**
   * Keeps what the call said.
   *
   * @param length How many bytes were received; with `MSG_TRUNC` asked for, how long the datagram was.
   * @param flags `msg_flags`: `MSG_TRUNC` if the data, `MSG_CTRUNC` if the control messages were cut.
   * @param control The control buffer.
   * @param controlLength How much of it was filled, in bytes.
   */
  constructor(
    readonly length: number,
    readonly flags: number,
    control: Uint8Array<ArrayBuffer>,
    readonly controlLength: number,
  ) {
    this.#control = control;
  }

  /** The control messages, their data as views of the control buffer: until that is used again. */
  get controlMessages(): ControlMessage[] {
    return parseControlMessages(this.#control.subarray(0, this.controlLength));
  }
}

/**
 * recvmsg(2): receives a datagram and the control messages beside it.
 *
 * Descriptors that come are open in this process when it returns: whoever calls this owns them, wanted or not.
 * Prefer `receiveDescriptors`, which sees to that.
 *
 * @param data Where the bytes go.
 * @param control Where the control messages go.
 * @param flags Such as `MSG_CMSG_CLOEXEC | MSG_DONTWAIT`. `MSG_PEEK` installs descriptors as well.
 * @param room How much of `control` may be filled, in bytes.
 * @throws {SystemError} `EAGAIN` if nothing is there and the call may not wait, `ECONNRESET`, …
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

function pollTable(fds: readonly number[], events: number): Uint8Array<ArrayBuffer> {
  const table = new Uint8Array(fds.length * pollfd.size);
  fds.forEach((fd, i) => {
    const entry = pollfd.over(table, i * pollfd.size);
    entry.fd = fd;
    entry.events = events;
  });
  return table;
}

/** A wait as `poll` takes it: whole milliseconds, not less than none and not more than an `int` holds (24 days). */
function asMilliseconds(timeout: number): number {
  return Math.min(0x7fffffff, Math.max(0, Math.ceil(timeout) || 0));
}

function returnedEvents(table: Uint8Array<ArrayBuffer>): number[] {
  return Array.from(
    { length: table.length / pollfd.size },
    (_, i) => pollfd.over(table, i * pollfd.size).revents,
  );
}

/** poll(2) on the same descriptors again and again, without garbage. */
export class Poller {
  readonly #table: Uint8Array<ArrayBuffer>;
  readonly #revents: Uint16Array<ArrayBuffer>;
  readonly #count: bigint;

  /**
   * Prepares the wait.
   *
   * @param fds The descriptors.
   * @param events What for, such as `POLLIN`, the same for all.
   */
  constructor(fds: readonly number[], events: number) {
    this.#table = pollTable(fds, events);
    this.#revents = new Uint16Array(this.#table.buffer);
    this.#count = BigInt(fds.length);
  }

  /**
   * Waits until one of them is ready.
   *
   * @param timeout The longest wait, in milliseconds; a negative one is taken as 0: no wait here is without end.
   * @returns How many are ready: 0 if time is over, or a signal ended the wait.
   * @throws {SystemError} `ENOMEM`, `EINVAL`.
   */
  wait(timeout: number): number {
    const count = libc.poll(this.#table, this.#count, asMilliseconds(timeout));
    if (count !== -1) return count;
    const errno = lastErrno();
    if (errno !== Errno.EINTR) throw new SystemError("poll", errno);
    for (let i = 0; i < this.#count; i++) this.#revents[i * REVENTS_STEP + REVENTS] = 0;
    return 0;
  }

  /** `revents` of the descriptor in that place of the list, 0 if it is not ready. */
  revents(i: number): number {
    return this.#revents[i * REVENTS_STEP + REVENTS];
  }
}

const REVENTS = pollfd.fields.revents[0] / 2;
const REVENTS_STEP = pollfd.size / 2;

/**
 * poll(2): waits until one of several descriptors is ready.
 *
 * @param fds The descriptors.
 * @param events What for, such as `POLLIN`, the same for all.
 * @param timeout The longest wait, in milliseconds; a negative one is taken as 0: no wait here is without end.
 * @returns `revents` of each, 0 for one that is not ready. After an interruption by a signal, all 0.
 * @throws {SystemError} `ENOMEM`, `EINVAL`.
 */
export function poll(fds: readonly number[], events: number, timeout: number): number[] {
  const poller = new Poller(fds, events);
  poller.wait(timeout);
  return fds.map((_, i) => poller.revents(i));
}

/**
 * {@linkcode poll} on a thread of its own, so that signals and timers are served while it waits. A process does not end by
 * itself while one is under way. A failed poll looks like one that timed out: errno is that thread's, and lost.
 *
 * @param timeout The longest wait, in milliseconds.
 */
export async function pollAsync(
  fds: readonly number[],
  events: number,
  timeout: number,
): Promise<number[]> {
  const table = pollTable(fds, events);
  // SAFETY: `table` is read after the call has returned, so it lives until then.
  await libc.pollAsync(table, BigInt(fds.length), asMilliseconds(timeout));
  return returnedEvents(table);
}
