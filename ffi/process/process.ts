/**
 * This process: its parent, its session, its limits, and programs that it starts.
 *
 * @module
 */

import {
  CLOSE_RANGE_CLOEXEC,
  PR_GET_PDEATHSIG,
  PR_SET_CHILD_SUBREAPER,
  WNOHANG,
} from "../abi/constants.ts";
import { setCloseOnExec } from "./descriptor.ts";
import { AnswerError, check, checkRestarting, Errno, SystemError } from "../abi/errno.ts";
import { openDescriptors } from "./proc.ts";
import { rlimit } from "../abi/layouts.ts";
import { cString, libc } from "../abi/libc.ts";
import { withOriginalMask } from "./signals.ts";
import { addressOf } from "../abi/struct.ts";

/**
 * Calls prctl(2) with one argument. Many operations affect the calling thread alone; those of the
 * address space, such as `PR_SET_DUMPABLE`, affect the process.
 *
 * @returns The result of the operation, 0 or more.
 * @throws {SystemError} `EINVAL`, `EPERM`, …
 */
export function prctl(operation: number, argument: number): number {
  return check(libc.prctl(operation, BigInt(argument), 0n, 0n, 0n), "prctl");
}

/**
 * The signal that this process gets when its parent ends; 0 for none. prctl(2), `PR_GET_PDEATHSIG`.
 *
 * @throws {AnswerError} If the call reports success and writes no signal.
 */
export function parentDeathSignal(): number {
  const signal = Int32Array.of(-1);
  check(libc.prctl(PR_GET_PDEATHSIG, addressOf(signal), 0n, 0n, 0n), "prctl");
  if (signal[0] === -1) throw new AnswerError("prctl", "neither a signal nor 0");
  return signal[0];
}

/**
 * Makes this process the parent of orphans among its descendants, instead of init: prctl(2),
 * `PR_SET_CHILD_SUBREAPER`.
 *
 * @throws {SystemError} `EPERM` (a filter of system calls).
 */
export function becomeSubreaper(): void {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/**
 * Reaps a child that has ended, so that its process id becomes free: waitpid(2), `WNOHANG`.
 *
 * @returns Whether it has ended.
 * @throws {SystemError} `ECHILD` if it is not a child of this process, or is already reaped.
 */
export function reap(pid: number): boolean {
  return checkRestarting(() => libc.waitpid(pid, null, WNOHANG), "waitpid") === pid;
}

/**
 * Reaps a child that has ended, and returns its exit status: waitpid(2), `WNOHANG`.
 *
 * @returns 0 to 255; 128 and the signal's number if a signal ended it; `undefined` if it runs.
 * @throws {SystemError} `ECHILD` if it is not a child of this process, or is already reaped.
 */
export function reapStatus(pid: number): number | undefined {
  const status = new Int32Array(1);
  const reaped = checkRestarting(
    () => libc.waitpid(pid, new Uint8Array(status.buffer), WNOHANG),
    "waitpid",
  );
  if (reaped !== pid) return undefined;
  const signal = status[0] & 0x7f; // WTERMSIG; otherwise WEXITSTATUS
  return signal === 0 ? status[0] >> 8 & 0xff : 128 + signal;
}

/**
 * Marks every descriptor from `first` up close-on-exec, so that no program started later inherits
 * it: close_range(2), `CLOSE_RANGE_CLOEXEC`.
 *
 * If that is refused (`EINVAL` before Linux 5.11, `ENOSYS` before 5.9, `EPERM` by a filter that
 * does not know the call), the descriptors that /proc lists are marked one by one.
 *
 * @throws {SystemError} If neither is possible.
 */
export function markCloseOnExecFrom(first: number): void {
  if (libc.close_range(first, 0xffffffff, CLOSE_RANGE_CLOEXEC) === 0) return;
  for (const fd of openDescriptors("self").keys()) {
    if (fd >= first) markUnlessClosed(fd);
  }
}

/** Another thread may have closed the descriptor since it was listed. */
function markUnlessClosed(fd: number): void {
  try {
    setCloseOnExec(fd, true);
  } catch (error) {
    if (!(error instanceof SystemError && error.errno === Errno.EBADF)) throw error;
  }
}

/**
 * Starts a new session without a terminal: setsid(2). A process with an inherited terminal can read
 * its input, and insert input of its own (TIOCSTI).
 *
 * @returns The id of the session, which is that of the process.
 * @throws {SystemError} `EPERM` if the process leads a process group.
 * @throws {AnswerError} If the result is another id.
 */
export function setsid(): number {
  const session = check(libc.setsid(), "setsid");
  if (session !== Deno.pid) throw new AnswerError("setsid", `session ${session}`);
  return session;
}

/** The process id of the parent: getppid(2). It changes when the parent ends. */
export function getppid(): number {
  return libc.getppid();
}

/**
 * Lowers a limit of this process, soft and hard, for good: setrlimit(2).
 *
 * @param resource Such as `RLIMIT_NOFILE`.
 * @throws {SystemError} `EPERM` if it would be raised.
 */
export function setrlimit(resource: number, limit: number): void {
  const limits = rlimit.alloc();
  limits.rlim_cur = BigInt(limit);
  limits.rlim_max = BigInt(limit);
  check(libc.setrlimit(resource, limits.bytes), "setrlimit");
}

// SAFETY: `heldArgv` contains the addresses of `heldArgs`. Both are bindings of this module and
// live across the call.
let heldArgs: Uint8Array<ArrayBuffer>[] = [];
let heldArgv = new BigUint64Array(1);

/**
 * Starts a program with the descriptors of this process and an empty environment: posix_spawn(3).
 *
 * Use it to test whether a process can start programs. Otherwise prefer `Deno.Command`, which reaps
 * them.
 *
 * @param path The path of the program.
 * @param args Its arguments, `argv[0]` included.
 * @returns Its process id.
 * @throws {SystemError} `EPERM`, `EAGAIN`, `ENOENT`, …
 * @throws {AnswerError} If the call reports success and writes no process id.
 */
export function posix_spawn(path: string, args: readonly string[]): number {
  heldArgs = args.map(cString);
  heldArgv = BigUint64Array.from([...heldArgs.map(addressOf), 0n]);
  const pid = new Int32Array(1);
  const noEnvironment = new BigUint64Array(1);
  const errno = withOriginalMask(() =>
    libc.posix_spawn(pid, cString(path), null, null, heldArgv, noEnvironment)
  );
  if (errno !== 0) throw new SystemError("posix_spawn", errno);
  if (pid[0] === 0) throw new AnswerError("posix_spawn", "a process without an id");
  return pid[0];
}
