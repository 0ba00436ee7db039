/**
 * The processes of a PID namespace, seen from the namespace above it.
 *
 * A process may hide in a nested namespace, which even an unprivileged process can make within a
 * user namespace of its own. So processes in nested namespaces are included. It may also hide
 * behind a first thread that has ended, which makes it look like a zombie. So a process with other
 * threads counts as alive.
 *
 * @module
 */

import { O_CLOEXEC, O_RDONLY } from "../../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { open, readDirectory, readLink, readTextFile } from "../../../ffi/process/file.ts";
import { parentNamespace } from "../../../ffi/process/namespaces.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";

/** A process, from `/proc/PID/status`. */
export interface SeenProcess {
  readonly pid: number;
  /** The process id of its parent; 0 if the parent is in another namespace. */
  readonly parent: number;
  /** Whether it runs. A process that does not run is waiting to be reaped. */
  readonly isAlive: boolean;
}

/**
 * Returns the PID namespace of a process, such as `pid:[4026531836]`. The kernel does not reuse the
 * number while the namespace has a process.
 */
export function pidNamespaceOf(process: number | "self"): string {
  return readLink(`/proc/${process}/ns/pid`);
}

/**
 * Returns the id that a process has in its own, innermost PID namespace.
 *
 * @throws {SystemError} `ENOENT` if there is no such process.
 * @throws {Error} If its status has no line `NSpid`.
 */
export function ownPidOf(pid: number): number {
  return pidsOf(pid).at(-1)!;
}

/**
 * Returns the id that a child of this process has in /proc. It differs from the child's id in this
 * process's namespace if /proc belongs to a PID namespace above.
 *
 * @param ownPid The child's id in this process's namespace. The child must not have been reaped.
 * @throws {Error} If there is no such child.
 */
export function pidInProc(ownPid: number): number {
  const self = Number(readLink("/proc/self"));
  const found = childrenOf(self).find(({ pid }) => unlessGone(() => ownPidOf(pid)) === ownPid);
  if (found === undefined) throw new Error(`No child ${ownPid} in /proc`);
  return found.pid;
}

/** Returns the ids of a process, from the PID namespace of /proc to the innermost. */
function pidsOf(process: number | "self"): number[] {
  const [, pids] = readTextFile(`/proc/${process}/status`).match(/^NSpid:\s*(.*)$/m) ?? [];
  if (pids === undefined) throw new Error(`No line NSpid in the status of process ${process}`);
  return pids.split(/\s+/).map(Number);
}

/**
 * Returns the processes in a PID namespace and in the namespaces below it, sorted by id. Processes
 * that have ended and were not reaped are among them.
 *
 * Without CAP_SYS_PTRACE a process may not be examined. It is then included if it is in any
 * namespace below that of this process.
 *
 * @param namespace The name that {@linkcode pidNamespaceOf} returns.
 * @throws {SystemError} If /proc cannot be read.
 */
export function processesIn(namespace: string): SeenProcess[] {
  const own = pidNamespaceOf("self");
  return allProcesses().filter((pid) => unlessGone(() => isWithin(pid, namespace, own)))
    .flatMap(seen);
}

/**
 * Returns the descendants of a process, sorted by id. A process whose parent has ended belongs to
 * init, and is not found.
 *
 * @throws {SystemError} If /proc cannot be read.
 */
export function descendantsOf(ancestor: number): SeenProcess[] {
  const all = allProcesses().flatMap(seen);
  const family = new Set([ancestor]);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  family.delete(ancestor);
  return all.filter(({ pid }) => family.has(pid));
}

/**
 * Returns the children of a process, sorted by id.
 *
 * @throws {SystemError} If /proc cannot be read.
 */
export function childrenOf(parent: number): SeenProcess[] {
  return allProcesses().flatMap(seen).filter((each) => each.parent === parent);
}

/**
 * Returns the ids of all processes, sorted.
 *
 * @throws {SystemError} If /proc cannot be read.
 */
export function allProcesses(): number[] {
  const names = readDirectory("/proc").filter((name) => /^\d+$/.test(name));
  return names.map(Number).toSorted((one, other) => one - other);
}

/** Reads the status of a process; returns an empty list if it is gone. */
function seen(pid: number): SeenProcess[] {
  const status = unlessGone(() => readTextFile(`/proc/${pid}/status`));
  if (status === undefined) return [];
  const line = (key: string) => status.match(new RegExp(`^${key}:\\s*(\\S+)`, "m"))?.[1];
  const isAlive = !/^[ZX]$/.test(line("State") ?? "") || Number(line("Threads")) > 1;
  return [{ pid, parent: Number(line("PPid")), isAlive }];
}

function isWithin(pid: number, namespace: string, own: string): boolean {
  try {
    const name = pidNamespaceOf(pid);
    return name === namespace || name !== own && isBelow(pid, namespace, own);
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.EACCES) {
      return pidsOf(pid).length > pidsOf("self").length;
    }
    throw error;
  }
}

/** Returns whether the PID namespace of a process is below the namespace with a given name. */
function isBelow(pid: number, namespace: string, own: string): boolean {
  let above = new OwnedFd(open(`/proc/${pid}/ns/pid`, O_RDONLY | O_CLOEXEC));
  for (;;) {
    using current = above;
    const name = readLink(`/proc/self/fd/${current.fd}`);
    if (name === namespace) return true;
    if (name === own) return false;
    try {
      above = new OwnedFd(parentNamespace(current.fd));
    } catch (error) {
      // It is a sibling of this process's namespace, or above it.
      if (error instanceof SystemError && error.errno === Errno.EPERM) return false;
      throw error;
    }
  }
}
