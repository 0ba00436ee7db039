/**
 * Descriptors that refer to a process, and copies of the descriptors of another process.
 *
 * @module
 */

import { PIDFD_THREAD } from "../abi/constants.ts";
import { OwnedFd } from "./descriptor.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";

/**
 * Opens a descriptor that refers to a process: pidfd_open(2). Unlike a process id, it never refers
 * to another process later.
 *
 * @example
 * ```ts
 * import { openProcess } from "../mod.ts";
 *
 * using process = openProcess(Deno.pid);
 * console.assert(process.isOpen);
 * ```
 *
 * @param pid Its process id.
 * @returns The descriptor, close-on-exec.
 * @throws {SystemError} `ESRCH`, `EINVAL` or `ENOENT` (the id of a thread that is not the first of
 * its process), `ENOSYS` (before Linux 5.3).
 */
export function openProcess(pid: number): OwnedFd {
  return new OwnedFd(rawSyscall("pidfd_open", pid, 0));
}

/**
 * Opens a descriptor that refers to a thread: pidfd_open(2), `PIDFD_THREAD`. By it pidfd_getfd(2)
 * finds the descriptors of a thread that has a table of its own.
 *
 * @example
 * ```ts
 * import { openThread } from "../mod.ts";
 *
 * using thread = openThread(Deno.pid); // the first thread of this process
 * console.assert(thread.isOpen);
 * ```
 *
 * @param tid Its thread id.
 * @returns The descriptor, close-on-exec.
 * @throws {SystemError} `ESRCH`, `EINVAL` (before Linux 6.9), `ENOSYS` (before Linux 5.3).
 */
export function openThread(tid: number): OwnedFd {
  return new OwnedFd(rawSyscall("pidfd_open", tid, PIDFD_THREAD));
}

/**
 * Copies a descriptor of another process, for the same open file description: pidfd_getfd(2).
 *
 * @example
 * ```ts
 * import { copyDescriptor, isSameFile } from "../mod.ts";
 *
 * using copy = copyDescriptor(Deno.pid, 0);
 * console.assert(isSameFile(Deno.pid, 0, Deno.pid, copy.fd));
 * ```
 *
 * @param pid The process.
 * @param fd The number of the descriptor in that process.
 * @returns The copy, close-on-exec.
 * @throws {SystemError} `EBADF` (not open there), `EPERM` (no `CAP_SYS_PTRACE`), `ESRCH`, `ENOSYS`
 * (before Linux 5.6).
 */
export function copyDescriptor(pid: number, fd: number): OwnedFd {
  using process = openProcess(pid);
  return copyDescriptorOf(process, fd);
}

/**
 * Copies a descriptor of another process or thread, as {@linkcode copyDescriptor} does.
 *
 * @example
 * ```ts
 * import { copyDescriptorOf, isSameFile, openProcess } from "../mod.ts";
 *
 * using process = openProcess(Deno.pid);
 * using copy = copyDescriptorOf(process, 0);
 * console.assert(isSameFile(Deno.pid, 0, Deno.pid, copy.fd));
 * ```
 *
 * @param holder The result of {@linkcode openProcess} or {@linkcode openThread}.
 * @param fd The number of the descriptor there.
 * @returns The copy, close-on-exec.
 * @throws {SystemError} `EBADF` (not open there), `EPERM` (no `CAP_SYS_PTRACE`), `ESRCH`, `ENOSYS`
 * (before Linux 5.6).
 */
export function copyDescriptorOf(holder: OwnedFd, fd: number): OwnedFd {
  return new OwnedFd(rawSyscall("pidfd_getfd", holder.fd, fd, 0));
}
