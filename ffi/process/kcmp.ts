/**
 * Comparing what two processes hold: kcmp(2), the kernel's answer, which no process can make up.
 *
 * @module
 */

import { KCMP_FILE, KCMP_FILES } from "../abi/constants.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";

/**
 * kcmp(2), `KCMP_FILE`: whether two descriptors refer to the same open file description, such as a
 * socket before and after `SCM_RIGHTS`.
 *
 * @example
 * ```ts
 * import { dup, isSameFile, OwnedFd } from "../mod.ts";
 *
 * using copy = new OwnedFd(dup(0));
 * console.assert(isSameFile(Deno.pid, 0, Deno.pid, copy.fd));
 * ```
 *
 * @param pid A process or thread, which holds `fd`.
 * @param otherPid Another one, or the same, which holds `otherFd`.
 * @throws {SystemError} `EBADF` (a descriptor that is not open there), `EPERM` (no
 * `CAP_SYS_PTRACE`), `ESRCH`, `ENOSYS` (a kernel without `CONFIG_KCMP`).
 */
export function isSameFile(pid: number, fd: number, otherPid: number, otherFd: number): boolean {
  return rawSyscall("kcmp", pid, otherPid, KCMP_FILE, fd, otherFd) === 0;
}

/**
 * kcmp(2), `KCMP_FILES`: whether two threads share one table of descriptors, as the threads of a
 * process do unless one has left it by unshare(2), and as processes may (clone(2), `CLONE_FILES`).
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
 * @param otherTid Another one.
 * @throws {SystemError} `EPERM` (no `CAP_SYS_PTRACE`), `ESRCH`, `ENOSYS` (a kernel without
 * `CONFIG_KCMP`).
 */
export function sharesDescriptors(tid: number, otherTid: number): boolean {
  return rawSyscall("kcmp", tid, otherTid, KCMP_FILES, 0, 0) === 0;
}
