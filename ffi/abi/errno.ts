/**
 * errno: its numbers, its names, its texts, and the one place where a -1 becomes an exception.
 *
 * @module
 */

import { libc, textAt } from "./libc.ts";

/** The errno numbers that code compares with. Source: asm-generic/errno-base.h, asm-generic/errno.h. */
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
  ENOSYS: 38,
  ETIME: 62,
  EBADFD: 77,
  ENOTSOCK: 88,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  ENETDOWN: 100,
  ECONNRESET: 104,
  ENOBUFS: 105,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECANCELED: 125,
} as const;

/** The name of an errno, such as `EPERM`; `errno 4095` for one that has none. Source: strerrorname_np(3). */
export function errnoName(errno: number): string {
  return textAt(libc.strerrorname_np(errno)) ?? `errno ${errno}`;
}

/** What libc says of an errno, such as `Operation not permitted`. Source: strerror(3). */
export function errnoText(errno: number): string {
  return textAt(libc.strerror(errno)) ?? `Unknown error ${errno}`;
}

/**
 * A call that the system refused.
 *
 * Its message reads `bind: No such device (ENODEV)`, and after {@linkcode attempt} has said what it was for,
 * `Cannot bind the packet socket to "lo0": bind: No such device (ENODEV)`.
 */
export class SystemError extends Error {
  /** `SystemError`. */
  override readonly name = "SystemError";
  /** The errno by name, such as `EPERM`. */
  readonly code: string;

  /**
   * Says what was refused, and why.
   *
   * @param syscall The call that failed, as the manual names it.
   * @param errno Its errno.
   * @param action What was attempted, for the reader; none where only the call is known.
   */
  constructor(readonly syscall: string, readonly errno: number, action?: string) {
    const refusal = `${syscall}: ${errnoText(errno)} (${errnoName(errno)})`;
    super(action === undefined ? refusal : `${action}: ${refusal}`);
    this.code = errnoName(errno);
  }
}

// SAFETY: __errno_location() points into the thread-local storage of the thread that JavaScript runs on,
// which lives as long as that thread; a worker has its own copy of this module, and with it its own pointer.
const errnoLocation = libc.__errno_location()!;
const errnoCopy = new Int32Array(1);
const { memcpy } = libc; // bound here: binding it after a failed call would overwrite errno

/** errno of the last call of this thread that failed. Right only in the very next step after the call. */
export function lastErrno(): number {
  memcpy(errnoCopy, errnoLocation, 4n);
  return errnoCopy[0];
}

/**
 * A call that says that it succeeded, and brought what it cannot have brought: the kernel, or what stands before it, does not do what it says.
 *
 * Where a call writes its answer to memory, that has been filled before with what no answer is; so one that never came is found out.
 */
export class AnswerError extends Error {
  /** `AnswerError`. */
  override readonly name = "AnswerError";

  /**
   * Says what was answered.
   *
   * @param syscall The call, as the manual names it.
   * @param answer What is wrong with its answer.
   */
  constructor(readonly syscall: string, answer: string) {
    super(`${syscall}: it succeeded, and its answer cannot be: ${answer}`);
  }
}

/**
 * Passes on what a libc function returned, unless that is -1.
 *
 * @param result What the call returned; read errno's conditions in {@linkcode lastErrno}: nothing may stand between.
 * @param syscall The call's name, for the error.
 * @returns `result`, never -1.
 * @throws {SystemError} If `result` is -1.
 */
export function check(result: number, syscall: string): number {
  if (result === -1) throw new SystemError(syscall, lastErrno());
  return result;
}

/** How often a call that a signal interrupts is made again. A bound, because every wait has an end. */
const INTERRUPTIONS_TOLERATED = 64;

/**
 * {@linkcode check}, for a call that a signal may interrupt: makes it again on `EINTR`, a bounded number of times.
 *
 * @param call Makes the call and returns its result.
 * @param syscall The call's name, for the error.
 * @throws {SystemError} If the call fails, or is interrupted without end. Source: signal(7), "Interruption of system calls".
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
 * Runs a step and, when the system refuses it, says what the step was for.
 *
 * @param action In sentence case, such as `Cannot bind the packet socket to "lo0"`.
 * @param step The step.
 * @throws {SystemError} The step's own, with `action` before it.
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
 * The errno that a step fails with, for those who expect to be refused; 0 if it succeeds.
 *
 * @throws Whatever else than a {@linkcode SystemError} the step throws.
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
