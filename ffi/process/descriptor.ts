/**
 * Descriptors of any kind: closing, duplicating and marking them.
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
 * Closes a descriptor: close(2).
 *
 * It is not repeated on `EINTR`: Linux has closed the descriptor by then, and its number may
 * already be reused.
 *
 * @throws {SystemError} `EBADF` if it is not open.
 */
export function close(fd: number): void {
  check(libc.close(fd), "close");
}

/**
 * Whether a descriptor is close-on-exec: fcntl(2), `F_GETFD`.
 *
 * @throws {SystemError} `EBADF` if it is not open.
 */
export function isCloseOnExec(fd: number): boolean {
  return (check(libc.fcntl(fd, F_GETFD, 0), "fcntl") & FD_CLOEXEC) !== 0;
}

/**
 * Sets or clears close-on-exec: fcntl(2), `F_SETFD`.
 *
 * @throws {SystemError} `EBADF` if it is not open.
 */
export function setCloseOnExec(fd: number, closeOnExec: boolean): void {
  check(libc.fcntl(fd, F_SETFD, closeOnExec ? FD_CLOEXEC : 0), "fcntl");
}

/**
 * Duplicates a descriptor: dup(2). Both refer to the same open file description.
 *
 * @throws {SystemError} `EBADF`, `EMFILE`.
 */
export function dup(fd: number): number {
  return check(libc.dup(fd), "dup");
}

/**
 * Creates a pipe, close-on-exec: pipe2(2).
 *
 * @returns Its reading end and its writing end.
 * @throws {SystemError} `EMFILE`, `ENFILE`.
 */
export function pipe(): [reading: number, writing: number] {
  const ends = new Int32Array(2);
  check(libc.pipe2(ends, O_CLOEXEC), "pipe2");
  return [ends[0], ends[1]];
}

/**
 * Writes bytes: write(2).
 *
 * @returns The number of bytes written.
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
 * How a descriptor was opened: for reading, writing, both, or (`O_PATH`) neither. fcntl(2),
 * `F_GETFL`.
 *
 * @throws {SystemError} `EBADF` if it is not open.
 */
export function descriptorAccess(fd: number): "r" | "w" | "rw" | "path" {
  const flags = check(libc.fcntl(fd, F_GETFL, 0), "fcntl");
  if ((flags & O_PATH) !== 0) return "path";
  return (["r", "w", "rw"] as const)[flags & O_ACCMODE] ?? "rw";
}

/**
 * A descriptor with one owner, closed at the end of the owner's scope (`using`) or before.
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
   * Takes over a descriptor.
   *
   * @param fd An open descriptor that nothing else closes.
   */
  constructor(readonly fd: number) {}

  /** Whether the descriptor is not closed yet. */
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
