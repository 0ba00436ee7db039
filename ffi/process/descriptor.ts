/**
 * Descriptors as such: closing them, and what crosses an exec.
 *
 * @module
 */

import {
  F_GETFD,
  F_GETFL,
  F_SETFD,
  FD_CLOEXEC,
  O_ACCMODE,
  O_CLOEXEC,
  O_PATH,
} from "../abi/constants.ts";
import { check, checkRestarting } from "../abi/errno.ts";
import { libc } from "../abi/libc.ts";

/**
 * close(2): gives a descriptor back.
 *
 * Not made again on `EINTR`: on Linux the descriptor is gone all the same, and the number may be somebody else's.
 *
 * @throws {SystemError} `EBADF` if it is not open.
 */
export function close(fd: number): void {
  check(libc.close(fd), "close");
}

/**
 * Whether a descriptor is close-on-exec. Wraps fcntl(2), `F_GETFD`.
 *
 * @throws {SystemError} `EBADF` if it is not open.
 */
export function isCloseOnExec(fd: number): boolean {
  return (check(libc.fcntl(fd, F_GETFD, 0), "fcntl") & FD_CLOEXEC) !== 0;
}

/**
 * Sets or clears close-on-exec of a descriptor. Wraps fcntl(2), `F_SETFD`.
 *
 * @throws {SystemError} `EBADF` if it is not open.
 */
export function setCloseOnExec(fd: number, closeOnExec: boolean): void {
  check(libc.fcntl(fd, F_SETFD, closeOnExec ? FD_CLOEXEC : 0), "fcntl");
}

/**
 * dup(2): another number for the same open file description.
 *
 * @throws {SystemError} `EBADF`, `EMFILE`.
 */
export function dup(fd: number): number {
  return check(libc.dup(fd), "dup");
}

/**
 * pipe2(2), `O_CLOEXEC`: a pipe.
 *
 * @returns Its two ends: what is written to the second is read from the first.
 * @throws {SystemError} `EMFILE`, `ENFILE`.
 */
export function pipe(): [reading: number, writing: number] {
  const ends = new Int32Array(2);
  check(libc.pipe2(ends, O_CLOEXEC), "pipe2");
  return [ends[0], ends[1]];
}

/**
 * write(2): writes bytes to a descriptor.
 *
 * @returns How many were taken.
 * @throws {SystemError} `EBADF`, `EAGAIN`, `EPIPE`, …
 */
export function write(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
  return checkRestarting(() => libc.write(fd, bytes, BigInt(bytes.length)), "write");
}

/**
 * ioctl(2) with a structure.
 *
 * @throws {SystemError} `EPERM`, `EINVAL`, `ENOTTY`, …
 */
export function ioctl(fd: number, operation: number, argument: Uint8Array<ArrayBuffer>): void {
  check(libc.ioctl(fd, BigInt(operation), argument), "ioctl");
}

/**
 * How a descriptor was opened: for reading, writing, both, or (`O_PATH`) neither. Wraps fcntl(2), `F_GETFL`.
 *
 * @throws {SystemError} `EBADF` if it is not open.
 */
export function descriptorAccess(fd: number): "r" | "w" | "rw" | "path" {
  const flags = check(libc.fcntl(fd, F_GETFL, 0), "fcntl");
  if ((flags & O_PATH) !== 0) return "path";
  return (["r", "w", "rw"] as const)[flags & O_ACCMODE] ?? "rw";
}

/**
 * A descriptor with one owner, who closes it at the end of its scope (`using`) or before.
 *
 * @example
 * ```ts
 * import { AF_UNIX, OwnedFd, SOCK_DGRAM, socket } from "../mod.ts";
 *
 * {
 *   using channel = new OwnedFd(socket(AF_UNIX, SOCK_DGRAM, 0));
 *   console.assert(channel.isOpen);
 * } // closed here
 * ```
 */
export class OwnedFd implements Disposable {
  #isOpen = true;

  /**
   * Takes a descriptor over.
   *
   * @param fd An open one, which nobody else closes from now on.
   */
  constructor(readonly fd: number) {}

  /** Whether {@linkcode close} is still to come. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Closes the descriptor; the second time does nothing. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    close(this.fd);
  }

  /** {@linkcode close}, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.close();
  }
}
