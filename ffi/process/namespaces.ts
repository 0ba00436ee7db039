/**
 * Namespaces: namespaces(7).
 *
 * @module
 */

import { NS_GET_OWNER_UID, NS_GET_PARENT, NS_GET_USERNS, SIOCGSKNS } from "../abi/constants.ts";
import { AnswerError, check } from "../abi/errno.ts";
import { libc } from "../abi/libc.ts";

/**
 * Moves the calling thread into new namespaces: unshare(2).
 *
 * With `CLONE_NEWPID` the thread itself stays, and the next process that it starts is the first of
 * a new PID namespace. Until {@linkcode setns} moves it back, the thread cannot start another
 * thread (`EINVAL`).
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
 * @throws {SystemError} `EPERM` (no CAP_SYS_ADMIN), `ENOSPC` (too many namespaces), `EINVAL` (the
 * kernel does not have that kind).
 */
export function unshare(flags: number): void {
  check(libc.unshare(flags), "unshare");
}

/**
 * Moves the calling thread into an existing namespace: setns(2). A PID namespace applies to the
 * processes that the thread starts afterwards.
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
 * @param kind The required kind, such as `CLONE_NEWPID`.
 * @throws {SystemError} `EPERM` (no CAP_SYS_ADMIN), `EINVAL` (another kind, or a PID namespace that
 * is not below that of this process).
 */
export function setns(fd: number, kind: number): void {
  check(libc.setns(fd, kind), "setns");
}

/**
 * Opens the parent of a PID or user namespace: ioctl(2), `NS_GET_PARENT`.
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
 * @throws {SystemError} `EPERM` (the parent is outside the namespace of this process), `EINVAL`
 * (namespaces of that kind have no parent).
 */
export function parentNamespace(fd: number): number {
  return check(libc.ioctl(fd, BigInt(NS_GET_PARENT), null), "ioctl");
}

/**
 * Opens the network namespace of a socket, which may be another than that of its holder: ioctl(2),
 * `SIOCGSKNS`. Source: sock_ioctl in net/socket.c.
 *
 * @example
 * ```ts
 * import { AF_UNIX, OwnedFd, readLink, SOCK_DGRAM, socket, socketNamespace } from "../mod.ts";
 *
 * using local = new OwnedFd(socket(AF_UNIX, SOCK_DGRAM, 0));
 * if (Deno.uid() === 0) {
 *   using namespace = new OwnedFd(socketNamespace(local.fd));
 *   console.assert(readLink(`/proc/self/fd/${namespace.fd}`) === readLink("/proc/self/ns/net"));
 * }
 * ```
 *
 * @param fd A socket.
 * @returns A descriptor as of a file of /proc/PID/ns, close-on-exec.
 * @throws {SystemError} `EPERM` (no CAP_NET_ADMIN over the namespace), `ENOTTY` (not a socket, or
 * before Linux 4.9).
 */
export function socketNamespace(fd: number): number {
  return check(libc.ioctl(fd, BigInt(SIOCGSKNS), null), "ioctl");
}

/**
 * Opens the user namespace that owns a namespace: ioctl(2), `NS_GET_USERNS`. Its capabilities count
 * in that namespace. For a user namespace, that is its parent.
 *
 * @example
 * ```ts
 * import { Errno, errnoOf, O_CLOEXEC, O_RDONLY, open, OwnedFd, owningNamespace } from "../mod.ts";
 *
 * using network = new OwnedFd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
 * const errno = errnoOf(() => new OwnedFd(owningNamespace(network.fd))[Symbol.dispose]());
 * console.assert(errno === 0 || errno === Errno.EPERM); // EPERM: the machine's, in a container
 * ```
 *
 * @param fd A file of /proc/PID/ns.
 * @returns A descriptor, close-on-exec.
 * @throws {SystemError} `EPERM` (it is outside the user namespace of this process).
 */
export function owningNamespace(fd: number): number {
  return check(libc.ioctl(fd, BigInt(NS_GET_USERNS), null), "ioctl");
}

/**
 * Returns the user who owns a user namespace, which is the effective user of the process that made
 * it: ioctl(2), `NS_GET_OWNER_UID`.
 *
 * @example
 * ```ts
 * import { namespaceOwner, O_CLOEXEC, O_RDONLY, open, OwnedFd } from "../mod.ts";
 *
 * using own = new OwnedFd(open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC));
 * console.assert(namespaceOwner(own.fd) >= 0);
 * ```
 *
 * @param fd A file `/proc/PID/ns/user`.
 * @returns The uid, in the user namespace of this process; the overflow uid, usually 65534, for a
 * user without a number there.
 * @throws {SystemError} `EINVAL` (not a user namespace).
 * @throws {AnswerError} If the call reports success and writes no uid.
 */
export function namespaceOwner(fd: number): number {
  const uid = Uint32Array.of(NO_UID);
  check(libc.ioctl(fd, BigInt(NS_GET_OWNER_UID), new Uint8Array(uid.buffer)), "ioctl");
  if (uid[0] === NO_UID) throw new AnswerError("ioctl", "no uid");
  return uid[0];
}

/** `(uid_t) -1`, which is no user. */
const NO_UID = 0xffffffff;
