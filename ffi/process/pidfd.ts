/**
 * Descriptors that refer to a process, and copies of those that it holds.
 *
 * @module
 */

import { OwnedFd } from "./descriptor.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";

/**
 * pidfd_open(2): a descriptor that refers to a process. Unlike its number it never comes to mean
 * another one.
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
 * pidfd_getfd(2): a copy of a descriptor of another process, for the same open file description.
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
 * @param fd The number that the descriptor has there.
 * @returns The copy, close-on-exec.
 * @throws {SystemError} `EBADF` (not open there), `EPERM` (no `CAP_SYS_PTRACE`), `ESRCH`, `ENOSYS`
 * (before Linux 5.6).
 */
export function copyDescriptor(pid: number, fd: number): OwnedFd {
  using process = openProcess(pid);
  return new OwnedFd(rawSyscall("pidfd_getfd", process.fd, fd, 0));
}
