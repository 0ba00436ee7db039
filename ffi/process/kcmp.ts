/**
 * Comparing descriptors and memory of two processes by kcmp(2). The kernel answers, so no process
 * can forge the answer.
 *
 * @module
 */

import { KCMP_FILE, KCMP_FILES, KCMP_VM } from "../abi/constants.ts";
import { AnswerError } from "../abi/errno.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";

/**
 * Whether two descriptors refer to the same open file description, such as a socket before and
 * after `SCM_RIGHTS`: kcmp(2), `KCMP_FILE`.
 *
 * @example
 * ```ts
 * import { dup, isSameFile, OwnedFd } from "../mod.ts";
 *
 * using copy = new OwnedFd(dup(0));
 * console.assert(isSameFile(Deno.pid, 0, Deno.pid, copy.fd));
 * ```
 *
 * @param pid The process or thread of `fd`.
 * @param otherPid The process or thread of `otherFd`; it may be the same.
 * @throws {SystemError} `EBADF` (a descriptor is not open there), `EPERM` (no `CAP_SYS_PTRACE`),
 * `ESRCH`, `ENOSYS` (a kernel without `CONFIG_KCMP`).
 */
export function isSameFile(pid: number, fd: number, otherPid: number, otherFd: number): boolean {
  return rawSyscall("kcmp", pid, otherPid, KCMP_FILE, fd, otherFd) === 0;
}

/**
 * Whether two threads share one table of descriptors: kcmp(2), `KCMP_FILES`. The threads of a
 * process do, unless one has called unshare(2); processes may (clone(2), `CLONE_FILES`).
 *
 * @example
 * ```ts
 * import { sharesDescriptors } from "../mod.ts";
 *
 * for (const { name } of Deno.readDirSync("/proc/self/task")) {
 *   console.assert(sharesDescriptors(Deno.pid, Number(name)));
 * }
 * ```
 *
 * @param tid A thread.
 * @param otherTid Another thread.
 * @throws {SystemError} `EPERM` (no `CAP_SYS_PTRACE`), `ESRCH`, `ENOSYS` (a kernel without
 * `CONFIG_KCMP`).
 */
export function sharesDescriptors(tid: number, otherTid: number): boolean {
  return rawSyscall("kcmp", tid, otherTid, KCMP_FILES, 0, 0) === 0;
}

/**
 * Whether two threads share one address space: kcmp(2), `KCMP_VM`. The threads of a process always
 * do; processes may (clone(2), `CLONE_VM`), and do between vfork(2) and execve(2).
 *
 * @example
 * ```ts
 * import { sharesMemory } from "../mod.ts";
 *
 * for (const { name } of Deno.readDirSync("/proc/self/task")) {
 *   console.assert(sharesMemory(Deno.pid, Number(name)));
 * }
 * ```
 *
 * @param tid A thread with memory: not one of the kernel's, and not one that has ended.
 * @param otherTid Another one.
 * @throws {SystemError} `EPERM` (no `CAP_SYS_PTRACE`), `ESRCH`, `ENOSYS` (a kernel without
 * `CONFIG_KCMP`).
 */
export function sharesMemory(tid: number, otherTid: number): boolean {
  return rawSyscall("kcmp", tid, otherTid, KCMP_VM, 0, 0) === 0;
}

/**
 * Compares the tables of descriptors of two threads: kcmp(2), `KCMP_FILES`. The order has no
 * meaning of its own, and stays the same while the machine runs, so many threads can be sorted by
 * it.
 *
 * @example
 * ```ts
 * import { compareDescriptorTables } from "../mod.ts";
 *
 * console.assert(compareDescriptorTables(Deno.pid, Deno.pid) === 0);
 * ```
 *
 * @param tid A thread.
 * @param otherTid Another thread.
 * @returns 0 if they share one table; otherwise a negative or a positive number.
 * @throws {SystemError} `EPERM` (no `CAP_SYS_PTRACE`), `ESRCH`, `ENOSYS` (a kernel without
 * `CONFIG_KCMP`).
 * @throws {AnswerError} If the kernel knows no order.
 */
export function compareDescriptorTables(tid: number, otherTid: number): number {
  const order = rawSyscall("kcmp", tid, otherTid, KCMP_FILES, 0, 0);
  if (order > 2) throw new AnswerError("kcmp", `order ${order}`);
  return [0, -1, 1][order];
}
