/**
 * The state of a thread in /proc: whether it has ended, and whether the kernel owns it.
 *
 * @module
 */

import { Errno, errnoOf } from "../abi/errno.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";
import { readTextFile } from "../process/file.ts";
import { unlessGone } from "../process/proc.ts";

/**
 * `flags` and `startstack` in /proc/TID/stat, counted from the third field on, and two flags.
 * Source: proc_pid_stat(5), include/linux/sched.h.
 */
const FLAGS = 9 - 3;
const START_STACK = 28 - 3;
const PF_IO_WORKER = 0x10;
const PF_KTHREAD = 0x200000;

/**
 * The fields of /proc/TID/stat from the third on (the second may contain spaces); `undefined` if
 * the thread is gone. Source: proc_pid_stat(5).
 */
function statOf(tid: number): string[] | undefined {
  const stat = unlessGone(() => readTextFile(`/proc/${tid}/stat`));
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** Whether a thread is gone or a zombie. Absence in /proc alone does not suffice. */
export function hasEnded(tid: number): boolean {
  const stat = statOf(tid);
  if (stat === undefined) return errnoOf(() => rawSyscall("tkill", tid, 0)) === Errno.ESRCH;
  return stat[0] === "Z" || stat[0] === "X";
}

/**
 * Whether a thread waits in the kernel and cannot stop: for a disk, or in vfork(2).
 *
 * @param tid The thread id.
 * @returns `false` also if there is no such thread.
 * @throws {SystemError} If /proc/TID/stat cannot be read.
 */
export const cannotStop = (tid: number): boolean => statOf(tid)?.[0] === "D";

/**
 * Whether a thread runs only kernel code: a kernel thread, or a worker of an io_uring, which
 * appears among the threads of a process.
 *
 * @example
 * ```ts
 * import { isKernelThread } from "../mod.ts";
 *
 * console.assert(!isKernelThread(Deno.pid));
 * ```
 *
 * @param tid The thread id.
 * @returns `false` also if there is no such thread.
 * @throws {SystemError} If /proc/TID/stat cannot be read.
 */
export function isKernelThread(tid: number): boolean {
  const flags = Number(statOf(tid)?.[FLAGS] ?? 0);
  return (flags & (PF_IO_WORKER | PF_KTHREAD)) !== 0;
}

/**
 * Whether a process runs a 32-bit program, by the address of its stack.
 *
 * @param pid The process id.
 * @returns `false` also if there is no such process, or its stack may not be known.
 * @throws {SystemError} If /proc/PID/stat cannot be read.
 */
export function is32Bit(pid: number): boolean {
  const stack = Number(statOf(pid)?.[START_STACK] ?? 0);
  return stack > 1 && stack < 2 ** 32;
}

/**
 * The thread that traces a thread; 0 for none. Source: proc_pid_status(5).
 *
 * @param tid The thread id.
 * @returns 0 also if there is no such thread.
 * @throws {SystemError} If /proc/TID/status cannot be read.
 */
export function tracerOf(tid: number): number {
  const status = unlessGone(() => readTextFile(`/proc/${tid}/status`));
  return Number(status?.match(/^TracerPid:\s*(\d+)$/m)?.[1] ?? 0);
}
