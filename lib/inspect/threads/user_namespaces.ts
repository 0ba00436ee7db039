/**
 * User namespaces, from that of a process upward: user_namespaces(7).
 *
 * @module
 */

import { O_CLOEXEC, O_RDONLY } from "../../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { open, readLink, readTextFile } from "../../../ffi/process/file.ts";
import {
  namespaceOwner,
  owningNamespace,
  parentNamespace,
} from "../../../ffi/process/namespaces.ts";

/** A user namespace on the way up. */
export interface UserNamespace {
  readonly link: string;
  /** The user who owns it; undefined if this process cannot tell which one it is. */
  readonly owner: number | undefined;
}

/** The most user namespaces on one way. The kernel permits 33 levels: user_namespaces(7). */
const LEVELS = 64;

/**
 * Walks from the user namespace that owns a network namespace upward, as far as this process sees.
 *
 * @param network The path of a file of /proc/PID/ns for a network namespace.
 * @returns The namespaces; none if the owner is not the user namespace of this process or below it.
 * @throws {SystemError} `ENOENT` if the process is gone; `EACCES` without permission.
 */
export function ownersAbove(network: string): UserNamespace[] {
  using start = new OwnedFd(open(network, O_RDONLY | O_CLOEXEC));
  const isNumbered = seesEveryUser();
  return walkUp(unlessHidden(() => owningNamespace(start.fd)), (fd) => {
    const owner = namespaceOwner(fd);
    return {
      link: readLink(`/proc/self/fd/${fd}`),
      owner: isNumbered || owner !== overflowUid() ? owner : undefined,
    };
  });
}

/**
 * Returns the links of a user namespace and of those above it, as far as this process sees. The
 * last is that of this process if the first is the same or below it.
 *
 * @param user The path of a file of /proc/PID/ns for a user namespace.
 * @throws {SystemError} `ENOENT` if the process is gone; `EACCES` without permission.
 */
export function userNamespacesAbove(user: string): string[] {
  const start = new OwnedFd(open(user, O_RDONLY | O_CLOEXEC));
  return walkUp(start, (fd) => readLink(`/proc/self/fd/${fd}`));
}

/** Reads a user namespace and every one above it that this process sees. Closes all. */
function walkUp<T>(start: OwnedFd | undefined, read: (fd: number) => T): T[] {
  const found: T[] = [];
  for (let next = start; next !== undefined;) {
    using current: OwnedFd = next;
    found.push(read(current.fd));
    next = found.length < LEVELS ? unlessHidden(() => parentNamespace(current.fd)) : undefined;
  }
  return found;
}

function unlessHidden(openIt: () => number): OwnedFd | undefined {
  try {
    return new OwnedFd(openIt());
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.EPERM) return undefined;
    throw error;
  }
}

/**
 * Returns whether every user of the machine has a number in this process's user namespace, as in
 * the first one. Source: user_namespaces(7).
 */
export function seesEveryUser(): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(readTextFile("/proc/self/uid_map"));
}

/** The number that the kernel shows for a user without one: proc_sys_kernel(5). */
export function overflowUid(): number {
  return Number(readTextFile("/proc/sys/kernel/overflowuid"));
}
