/**
 * Error numbers: their values, names and texts, and the functions that turn a -1 into an exception.
 *
 * @module
 */

import { libc, textAt } from "./libc.ts";

/**
 * The error numbers that code compares with. Source: asm-generic/errno-base.h, asm-generic/errno.h.
 */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  EMFILE: 24,
  ENOSPC: 28,
  EPIPE: 32,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ETIME: 62,
  EBADFD: 77,
  ENOTSOCK: 88,
  EMSGSIZE: 90,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  ENETDOWN: 100,
  ECONNRESET: 104,
  ENOBUFS: 105,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  EALREADY: 114,
  ECANCELED: 125,
} as const;

/**
 * The name of an error number, such as `EPERM`; `errno 4095` if it has none. Source:
 * strerrorname_np(3).
 */
export function errnoName(errno: number): string {
  return textAt(libc.strerrorname_np(errno)) ?? `errno ${errno}`;
}

/** The text of an error number, such as `Operation not permitted`. Source: strerror(3). */
export function errnoText(errno: number): string {
  return textAt(libc.strerror(errno)) ?? `Unknown error ${errno}`;
}

/**
 * A failed system call.
 *
 * The message reads `bind: No such device (ENODEV)`, or with the action that {@linkcode attempt}
 * adds, `Cannot bind the packet socket to "lo0": bind: No such device (ENODEV)`.
 */
export class SystemError extends Error {
  /** `SystemError`. */
  override readonly name = "SystemError";
  /** The errno by name, such as `EPERM`. */
  readonly code: string;

  /**
   * Builds the message.
   *
   * @param syscall The call that failed, as the manual names it.
   * @param errno Its error number.
   * @param action The step that failed, for the reader; omitted if only the call is known.
   */
  constructor(readonly syscall: string, readonly errno: number, action?: string) {
    const refusal = `${syscall}: ${errnoText(errno)} (${errnoName(errno)})`;
    super(action === undefined ? refusal : `${action}: ${refusal}`);
    this.code = errnoName(errno);
  }
}

// SAFETY: __errno_location() points into the thread-local storage of the JavaScript thread, which
// lives as long as that thread. A worker has its own copy of this module, and so its own pointer.
const errnoLocation = libc.__errno_location()!;
const errnoCopy = new Int32Array(1);
const { memcpy } = libc; // bound here: binding it after a failed call would overwrite errno

/**
 * Returns errno of the last failed call on this thread. It is valid only in the very next step
 * after the call.
 */
export function lastErrno(): number {
  memcpy(errnoCopy, errnoLocation, 4n);
  return errnoCopy[0];
}

/**
 * A call that reported success with an impossible result: the kernel, or something that intercepts
 * the call, did not do what it reported.
 *
 * Buffers for results are prefilled with an invalid value, so a missing result is detected.
 */
export class AnswerError extends Error {
  /** `AnswerError`. */
  override readonly name = "AnswerError";

  /**
   * Builds the message.
   *
   * @param syscall The call, as the manual names it.
   * @param answer Why the result is impossible.
   */
  constructor(readonly syscall: string, answer: string) {
    super(`${syscall}: reported success with an impossible result: ${answer}`);
  }
}

/**
 * Passes on the result of a libc function, unless it is -1.
 *
 * @param result The result. {@linkcode lastErrno} is read next, so nothing may run in between.
 * @param syscall The name of the call, for the error.
 * @returns `result`, never -1.
 * @throws {SystemError} If `result` is -1.
 */
export function check(result: number, syscall: string): number {
  if (result === -1) throw new SystemError(syscall, lastErrno());
  return result;
}

/** The most repetitions of an interrupted call. The limit ensures that every wait ends. */
const INTERRUPTIONS_TOLERATED = 64;

/**
 * Like {@linkcode check}, but repeats a call that a signal interrupted (`EINTR`), up to a limit.
 * Source: signal(7), "Interruption of system calls".
 *
 * @param call Makes the call and returns its result.
 * @param syscall The name of the call, for the error.
 * @returns The result, never -1.
 * @throws {SystemError} If the call fails, or is interrupted again and again.
 */
export function checkRestarting(call: () => number, syscall: string): number {
  for (let interruptions = 0;; interruptions++) {
    const result = call();
    if (result !== -1) return result;
    const errno = lastErrno();
    if (errno !== Errno.EINTR || interruptions === INTERRUPTIONS_TOLERATED) {
      throw new SystemError(syscall, errno);
    }
  }
}

/**
 * Runs a step, and adds its purpose to the error if a system call fails.
 *
 * @param action The purpose as a sentence, such as `Cannot bind the packet socket to "lo0"`.
 * @param step The step.
 * @returns The result of the step.
 * @throws {SystemError} The error of the step, with `action` before its message.
 */
export function attempt<T>(action: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof SystemError) throw new SystemError(error.syscall, error.errno, action);
    throw error;
  }
}

/**
 * Runs a step that is expected to fail, and returns its error number.
 *
 * @param step The step.
 * @returns The error number of the {@linkcode SystemError} that the step throws; 0 if it succeeds.
 * @throws Any other error of the step.
 */
export function errnoOf(step: () => unknown): number {
  try {
    step();
    return 0;
  } catch (error) {
    if (error instanceof SystemError) return error.errno;
    throw error;
  }
}
