/**
 * Waiting for traced threads to stop or end: waitid(2). Every wait has a limit.
 *
 * @module
 */

import {
  __WALL,
  P_PID,
  PTRACE_EVENT_STOP,
  SIGTRAP,
  WEXITED,
  WNOHANG,
  WSTOPPED,
} from "../abi/constants.ts";
import { Errno, errnoOf, SystemError } from "../abi/errno.ts";
import { siginfo_t } from "../abi/layouts.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";
import { readTextFile } from "../process/file.ts";
import { unlessGone } from "../process/proc.ts";
import { sleep } from "../socket/poll.ts";
import { hasEnded } from "./thread_state.ts";

/** A stop as waitid(2) reports it. */
export interface Stop {
  /** The signal that stopped the thread; SIGTRAP, perhaps marked, for the stops of ptrace(2). */
  readonly signal: number;
  /** `PTRACE_EVENT_…`; 0 for none. */
  readonly event: number;
}

/** A stop by a signal that is not delivered. */
export const NO_SIGNAL: Stop = { signal: 0, event: 0 };

/** A stop at a system call, marked by PTRACE_O_TRACESYSGOOD. Source: ptrace(2), "Syscall-stops". */
const SYSCALL_STOP = SIGTRAP | 0x80;

/**
 * Whether the thread stopped between two instructions: by PTRACE_INTERRUPT, or with its process.
 */
export const isEvent = (stop: Stop): boolean => stop.event === PTRACE_EVENT_STOP;

/** Whether the thread stopped at the entry to or the exit from a system call. */
export const isSyscall = (stop: Stop): boolean => stop.signal === SYSCALL_STOP;

/** The number of polls before the first sleep. */
const POLLS_AT_ONCE = 200;

/** The number of polls after that from one call of `meanwhile` to the next, each after 1 ms. */
const POLLS_BETWEEN = 10;

/**
 * Waits for a traced thread to stop. It polls, because a thread that is stuck in the kernel would
 * make a blocking wait endless.
 *
 * @param timeout The longest wait, in milliseconds.
 * @param meanwhile Called every 10 ms while the thread does not stop.
 * @throws {SystemError} `ESRCH` (the thread has ended), `ETIMEDOUT`.
 */
export function awaitStop(
  tid: number,
  timeout: number,
  meanwhile: () => void = () => {},
): Stop {
  const deadline = performance.now() + timeout;
  for (let polls = 0;; polls++) {
    const isLate = performance.now() >= deadline; // this process may have been stopped meanwhile
    const stop = stopOf(tid);
    if (stop !== undefined) return stop;
    if (polls < POLLS_AT_ONCE) continue;
    if (hasEnded(tid)) throw new SystemError("ptrace", Errno.ESRCH);
    if (isLate) throw new SystemError("ptrace", Errno.ETIMEDOUT);
    if (polls % POLLS_BETWEEN === 0) meanwhile();
    sleep(1);
  }
}

/**
 * The stop that waitid(2) reports, if any. `WEXITED` is left out, because the end of a child of
 * this process belongs to the code that waits for that child.
 */
function stopOf(tid: number): Stop | undefined {
  const change = siginfo_t.alloc(); // si_signo stays 0 until there is a stop
  try {
    rawSyscall("waitid", P_PID, tid, change.bytes, WSTOPPED | WNOHANG | __WALL, 0);
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.ECHILD) return undefined;
    throw error;
  }
  if (change.si_signo === 0) return undefined;
  return { signal: change.si_status & 0xff, event: change.si_status >> 8 };
}

/** Whether ptrace(2) failed because the thread has ended: `ESRCH`, or `EPERM` for a zombie. */
export function isEnd(error: unknown, tid: number): boolean {
  if (!(error instanceof SystemError)) return false;
  return (error.errno === Errno.ESRCH || error.errno === Errno.EPERM) && hasEnded(tid);
}

/**
 * Waits for the end of a traced thread and reaps it: a traced thread that has ended remains, and
 * its process with it, until the tracer calls waitid(2). A child of this process is not reaped,
 * because other code waits for it.
 *
 * @param timeout The longest wait, in milliseconds.
 * @returns Whether the thread has ended and, unless it is a child of this process, is reaped.
 */
export function reapEnded(tid: number, timeout: number): boolean {
  const deadline = performance.now() + timeout;
  for (;;) {
    const isLate = performance.now() >= deadline; // as above
    if (hasEnded(tid)) break;
    if (isLate) return false;
    sleep(1);
  }
  const status = unlessGone(() => readTextFile(`/proc/${tid}/status`));
  if (status === undefined || isOwnChild(tid, status)) return true;
  return reap(tid) === Errno.ECHILD ||
    unlessGone(() => readTextFile(`/proc/${tid}/stat`)) === undefined;
}

/** Reaps a traced thread if it has ended: waitid(2). Returns the errno, 0 for success. */
export function reap(tid: number): number {
  const options = WEXITED | WNOHANG | __WALL;
  return errnoOf(() => rawSyscall("waitid", P_PID, tid, siginfo_t.alloc().bytes, options, 0));
}

function isOwnChild(tid: number, status: string): boolean {
  const idAfter = (name: string) => Number(status.match(RegExp(`^${name}:\\s*(\\d+)`, "m"))?.[1]);
  return idAfter("Tgid") === tid && idAfter("PPid") === Deno.pid;
}
