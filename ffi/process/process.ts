/**
 * A process and its limits.
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
 * prctl(2) with one argument. Many of its operations reach the calling thread alone; those of the address space, such as
 * `PR_SET_DUMPABLE`, the process.
 *
 * @returns What the operation returns, 0 or more.
 * @throws {SystemError} `EINVAL`, `EPERM`, …
 */
export function prctl(operation: number, argument: number): number {
  return check(libc.prctl(operation, BigInt(argument), 0n, 0n, 0n), "prctl");
}

/** prctl(2), `PR_GET_PDEATHSIG`: the signal that this process gets when its parent ends; 0 for none. */
export function parentDeathSignal(): number {
  const signal = Int32Array.of(-1);
  check(libc.prctl(PR_GET_PDEATHSIG, addressOf(signal), 0n, 0n, 0n), "prctl");
  if (signal[0] === -1) throw new AnswerError("prctl", "no signal, and not none either");
  return signal[0];
}

/**
 * prctl(2), `PR_SET_CHILD_SUBREAPER`: a process whose parent ends becomes a child of this one, if it descends from it, and not of init.
 *
 * @throws {SystemError} `EPERM` (a filter of system calls).
 */
export function becomeSubreaper(): void {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/**
 * waitpid(2), `WNOHANG`: takes note of the end of a child, so that its number is free again.
 *
 * @returns Whether it has ended.
 * @throws {SystemError} `ECHILD` if it is no child of this process, or was reaped before.
 */
export function reap(pid: number): boolean {
  return checkRestarting(() => libc.waitpid(pid, null, WNOHANG), "waitpid") === pid;
}

/**
 * Marks every open descriptor from `first` up close-on-exec, so that none of them reaches a program started later.
 *
 * Wraps close_range(2) with `CLOSE_RANGE_CLOEXEC`. Where that is refused (`EINVAL` before Linux 5.11, `ENOSYS` before 5.9, `EPERM` by a filter
 * that does not know it) one descriptor after another is marked, as /proc lists them.
 *
 * @throws {SystemError} If neither can be done.
 */
export function markCloseOnExecFrom(first: number): void {
  if (libc.close_range(first, 0xffffffff, CLOSE_RANGE_CLOEXEC) === 0) return;
  for (const fd of openDescriptors("self").keys()) {
    if (fd >= first) markUnlessClosed(fd);
  }
}

/** Another thread may have closed it since it was listed. */
function markUnlessClosed(fd: number): void {
  try {
    setCloseOnExec(fd, true);
  } catch (error) {
    if (!(error instanceof SystemError && error.errno === Errno.EBADF)) throw error;
  }
}

/**
 * setsid(2): puts this process into a session of its own, which has no terminal. What it could do with one that it inherited, reading
 * what is typed and (TIOCSTI) typing itself, it cannot do from then on.
 *
 * @returns The session's id, which is the process's.
 * @throws {SystemError} `EPERM` if the process leads a process group.
 * @throws {AnswerError} If the answer is another process's id.
 */
export function setsid(): number {
  const session = check(libc.setsid(), "setsid");
  if (session !== Deno.pid) throw new AnswerError("setsid", `session ${session}`);
  return session;
}

/** getppid(2): the parent's process id; another one, and the parent has ended. */
export function getppid(): number {
  return libc.getppid();
}

/**
 * setrlimit(2): lowers a limit of this process, soft and hard, for good.
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

// SAFETY: `heldArgv` has the addresses of `heldArgs`; both are bindings of this module and so live across the call.
let heldArgs: Uint8Array<ArrayBuffer>[] = [];
let heldArgv = new BigUint64Array(1);

/**
 * posix_spawn(3): starts a program with this process's descriptors and no environment.
 *
 * For a program that means to show that it can; otherwise `Deno.Command` is the better choice, which reaps.
 *
 * @param path The program's path.
 * @param args Its arguments, from `argv[0]` on.
 * @returns Its process id.
 * @throws {SystemError} `EPERM`, `EAGAIN`, `ENOENT`, …
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
