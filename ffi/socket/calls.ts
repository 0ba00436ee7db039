/**
 * The calls of the Berkeley socket interface as thin functions that throw.
 *
 * @module
 */

import { sockaddr_storage, ucred } from "../abi/layouts.ts";
import { SO_ERROR, SO_PEERCRED, SOL_SOCKET } from "../abi/constants.ts";
import {
  AnswerError,
  check,
  checkRestarting,
  Errno,
  lastErrno,
  SystemError,
} from "../abi/errno.ts";
import { libc } from "../abi/libc.ts";

/**
 * The byte that prefills buffers for results. No value of a socket option consists of only such
 * bytes.
 */
const UNWRITTEN = 0xa5;

/**
 * Opens a socket: socket(2).
 *
 * @param domain Such as `AF_PACKET`.
 * @param type Such as `SOCK_RAW | SOCK_CLOEXEC`.
 * @param protocol 0, or a protocol of the domain (packet(7): in network byte order).
 * @returns Its descriptor.
 * @throws {SystemError} `EPERM` (a packet socket without CAP_NET_RAW), `EAFNOSUPPORT`, `EMFILE`, …
 */
export function socket(domain: number, type: number, protocol: number): number {
  return check(libc.socket(domain, type, protocol), "socket");
}

/**
 * Binds a socket to an address: bind(2).
 *
 * @param address The bytes of a `sockaddr` of the socket's family.
 * @throws {SystemError} `ENODEV`, `ENETDOWN`, `EINVAL`, …
 */
export function bind(fd: number, address: Uint8Array<ArrayBuffer>): void {
  check(libc.bind(fd, address, address.length), "bind");
}

/**
 * Sets the peer of a socket: connect(2). A datagram socket may be connected again.
 *
 * @param address The bytes of a `sockaddr` of the socket's family.
 * @throws {SystemError} `ENETUNREACH`, `EACCES` (a broadcast address), `EPERM` (a filter of system
 * calls), …
 */
export function connect(fd: number, address: Uint8Array<ArrayBuffer>): void {
  check(libc.connect(fd, address, address.length), "connect");
}

/**
 * Creates two connected `AF_UNIX` sockets: socketpair(2).
 *
 * @throws {SystemError} `EMFILE`, `ENFILE`, …
 * @throws {AnswerError} If the call reports success and writes no descriptors.
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
 * Shuts a connection down in one direction or both, which wakes its pollers: shutdown(2).
 *
 * @param how Such as `SHUT_RDWR`.
 * @throws {SystemError} `ENOTCONN`, `EOPNOTSUPP` (a packet socket), …
 */
export function shutdown(fd: number, how: number): void {
  check(libc.shutdown(fd, how), "shutdown");
}

/**
 * The address that a socket is bound to, as the bytes of a `sockaddr`: getsockname(2).
 *
 * @throws {SystemError} `EBADF`, `ENOTSOCK`, …
 * @throws {AnswerError} If the call reports success and writes no family.
 */
export function getsockname(fd: number): Uint8Array<ArrayBuffer> {
  return readAddress("getsockname", libc.getsockname, fd);
}

/**
 * The address that a socket is connected to, as the bytes of a `sockaddr`: getpeername(2).
 *
 * @throws {SystemError} `ENOTCONN`, `EBADF`, `ENOTSOCK`, …
 * @throws {AnswerError} If the call reports success and writes no family.
 */
export function getpeername(fd: number): Uint8Array<ArrayBuffer> {
  return readAddress("getpeername", libc.getpeername, fd);
}

function readAddress(
  call: string,
  read: typeof libc.getsockname,
  fd: number,
): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(sockaddr_storage.size).fill(UNWRITTEN);
  const length = Uint32Array.of(address.length);
  check(read(fd, address, length), call);
  if (address[0] === UNWRITTEN && address[1] === UNWRITTEN) {
    throw new AnswerError(call, "no family");
  }
  return address.subarray(0, length[0]);
}

/**
 * Reads a socket option as bytes: getsockopt(2).
 *
 * @param size The largest size of the value, in bytes.
 * @returns The value; empty if the option has none, such as SO_BINDTODEVICE of an unbound socket.
 * @throws {SystemError} `ENOTSOCK`, `ENOPROTOOPT`, …
 * @throws {AnswerError} If the call reports success and writes no value.
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
  const answer = value.subarray(0, length[0]);
  if (answer.length > 0 && answer.every((byte) => byte === UNWRITTEN)) {
    throw new AnswerError("getsockopt", `option ${option} of level ${level} has no value`);
  }
  return answer;
}

/** Reads a socket option that is an `int`, as {@linkcode getsockopt} does. */
export function getsockoptInt(fd: number, level: number, option: number): number {
  return new Int32Array(getsockopt(fd, level, option, 4).buffer)[0];
}

/**
 * Reads and clears the pending error of a socket, which its next call would return otherwise:
 * `SO_ERROR`, socket(7).
 *
 * @returns The error number; 0 for none.
 * @throws {SystemError} `ENOTSOCK`, …
 */
export function takeSocketError(fd: number): number {
  check(libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, socketError, socketErrorSize), "getsockopt");
  return socketError[0];
}

// Allocated once: the pending error is read whenever a ring is empty.
const socketError = new Int32Array(1);
const socketErrorSize = Uint32Array.of(4);

/**
 * The process id of the creator or the connected peer of a Unix socket: `SO_PEERCRED`, unix(7).
 *
 * @throws {SystemError} `ENOTSOCK`, …
 * @throws {AnswerError} If the call reports success and writes no credentials.
 */
export function peerPid(fd: number): number {
  const credentials = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ucred.size);
  return ucred.over(new Uint8Array(credentials.buffer)).pid;
}

/**
 * Sets a socket option: setsockopt(2). The option belongs to the open file description, so every
 * process that holds the socket is affected.
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
 * Sends to the connected peer: sendto(2) without an address.
 *
 * @returns The number of bytes sent.
 * @throws {SystemError} `EAGAIN`, `ENOBUFS`, `ENETDOWN`, `EMSGSIZE`, …
 */
export function send(fd: number, bytes: Uint8Array<ArrayBuffer>, flags: number): number {
  return checkRestarting(
    () => libc.sendto(fd, bytes, BigInt(bytes.length), flags, null, 0),
    "sendto",
  );
}

/**
 * Sends to an address: sendto(2).
 *
 * @param address The bytes of a `sockaddr`; for a packet socket a `sockaddr_ll`, which names the
 * interface.
 * @returns The number of bytes sent.
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
 * Receives a message without its sender's address: recvfrom(2).
 *
 * @returns The length received; with `MSG_TRUNC` in `flags`, that of the whole datagram.
 * @throws {SystemError} `EAGAIN` if nothing is queued and the call may not wait, `ENETDOWN`, …
 */
export function recv(fd: number, buffer: Uint8Array<ArrayBuffer>, flags: number): number {
  return checkRestarting(
    () => libc.recvfrom(fd, buffer, BigInt(buffer.length), flags, null, null),
    "recvfrom",
  );
}

/**
 * A buffer that recvfrom(2) fills again and again without allocating.
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
  /** The last message, at the beginning of the buffer. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #size: bigint;

  /**
   * Allocates the buffer.
   *
   * @param size In bytes.
   */
  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#size = BigInt(size);
  }

  /**
   * Receives a message without its sender's address: recvfrom(2).
   *
   * @param flags Such as `MSG_DONTWAIT | MSG_TRUNC`.
   * @returns The length received (with `MSG_TRUNC`, that of the whole datagram); -1 if nothing is
   * queued and the call may not wait, or a signal ended the wait.
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
