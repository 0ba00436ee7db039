/**
 * Sockets: the calls of the Berkeley interface, thin, each with its errors.
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
  const address = new Uint8Array(sockaddr_storage.size).fill(UNWRITTEN);
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
  const credentials = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ucred.size);
  return ucred.over(new Uint8Array(credentials.buffer)).pid;
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
