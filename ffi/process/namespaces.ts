/**
 * Namespaces: namespaces(7).
 *
 * @module
 */

import { NS_GET_PARENT } from "../abi/constants.ts";
import { check } from "../abi/errno.ts";
import { libc } from "../abi/libc.ts";

/**
 * unshare(2): puts the calling thread into namespaces of its own.
 *
 * With `CLONE_NEWPID` the thread itself stays where it is, and the next process that it starts is the first of a new PID
 * namespace. Until {@linkcode setns} takes it back the thread can start no other thread (`EINVAL`).
 *
 * @example
 * ```ts
 * import { CLONE_NEWPID, O_CLOEXEC, O_RDONLY, open, OwnedFd, setns, unshare } from "../mod.ts";
 *
 * using own = new OwnedFd(open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
 * if (Deno.uid() === 0) {
 *   unshare(CLONE_NEWPID);
 *   setns(own.fd, CLONE_NEWPID);
 * }
 * ```
 *
 * @param flags Such as `CLONE_NEWPID`.
 * @throws {SystemError} `EPERM` without CAP_SYS_ADMIN, `ENOSPC` for too many namespaces, `EINVAL` where the kernel has none of that kind.
 */
export function unshare(flags: number): void {
  check(libc.unshare(flags), "unshare");
}

/**
 * setns(2): puts the calling thread into a namespace that there is; of a PID namespace, the processes that it starts from then on.
 *
 * @example
 * ```ts
 * import { CLONE_NEWPID, O_CLOEXEC, O_RDONLY, open, OwnedFd, setns } from "../mod.ts";
 *
 * using own = new OwnedFd(open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
 * if (Deno.uid() === 0) setns(own.fd, CLONE_NEWPID);
 * ```
 *
 * @param fd A file of /proc/PID/ns.
 * @param kind What it must be, such as `CLONE_NEWPID`.
 * @throws {SystemError} `EPERM` without CAP_SYS_ADMIN, `EINVAL` if it is another kind, or a PID namespace that is not below this process's own.
 */
export function setns(fd: number, kind: number): void {
  check(libc.setns(fd, kind), "setns");
}

/**
 * ioctl(2), `NS_GET_PARENT`: opens the namespace in which a PID or user namespace was made.
 *
 * @example
 * ```ts
 * import { Errno, errnoOf, O_CLOEXEC, O_RDONLY, open, OwnedFd, parentNamespace } from "../mod.ts";
 *
 * using own = new OwnedFd(open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
 * console.assert(errnoOf(() => parentNamespace(own.fd)) === Errno.EPERM); // it is out of sight
 * ```
 *
 * @param fd A file of /proc/PID/ns.
 * @returns A descriptor, close-on-exec.
 * @throws {SystemError} `EPERM` if it is not this process's own, nor below; `EINVAL` if namespaces of that kind have no parent.
 */
export function parentNamespace(fd: number): number {
  return check(libc.ioctl(fd, BigInt(NS_GET_PARENT), null), "ioctl");
}
