/**
 * The processes of a PID namespace, seen from the one above it.
 *
 * A process may hide in a namespace that it made inside (an unprivileged one can, in a user namespace of its own): so those below count as well.
 * It may hide behind a first thread that has ended, which makes it look like a zombie: so one with other threads is alive.
 *
 * @module
 */

import { O_CLOEXEC, O_RDONLY } from "../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { OwnedFd } from "../../ffi/process/descriptor.ts";
import { open, readDirectory, readLink, readTextFile } from "../../ffi/process/file.ts";
import { parentNamespace } from "../../ffi/process/namespaces.ts";
import { unlessGone } from "../../ffi/process/proc.ts";

/** A process, as `/proc/PID/status` has it. */
export interface SeenProcess {
  readonly pid: number;
  /** Its parent's process id; 0 if that is in another namespace. */
  readonly parent: number;
  /** Whether it runs; one that does not only waits to be reaped. */
  readonly isAlive: boolean;
}

/** The PID namespace of a process, such as `pid:[4026531836]`. It is no other's for as long as a process is in it. */
export function pidNamespaceOf(process: number | "self"): string {
  return readLink(`/proc/${process}/ns/pid`);
}

/**
 * The process id that a process has for itself: in the innermost of its namespaces.
 *
 * @throws {SystemError} `ENOENT` if there is no such process.
 * @throws {Error} If its status does not say.
 */
export function ownPidOf(pid: number): number {
  return pidsOf(pid).at(-1)!;
}

/**
 * What /proc calls a child of this process: another number than this process has for it, where /proc is that of a PID namespace above.
 *
 * @param ownPid The child's process id here; it must not have been reaped.
 * @throws {Error} If there is no such child.
 */
export function pidInProc(ownPid: number): number {
  const self = Number(readLink("/proc/self"));
  const found = childrenOf(self).find(({ pid }) => unlessGone(() => ownPidOf(pid)) === ownPid);
  if (found === undefined) throw new Error(`No child ${ownPid} in /proc`);
  return found.pid;
}

/** The process ids that a process has, from the PID namespace of /proc inwards. */
function pidsOf(process: number | "self"): number[] {
  const [, pids] = readTextFile(`/proc/${process}/status`).match(/^NSpid:\s*(.*)$/m) ?? [];
  if (pids === undefined) throw new Error(`No line NSpid in the status of process ${process}`);
  return pids.split(/\s+/).map(Number);
}

/**
 * The processes in a PID namespace and in those below it, those that have ended and were not reaped among them; sorted.
 *
 * One that cannot be looked at (without CAP_SYS_PTRACE), and is in some namespace below this process's, counts as being there.
 *
 * @param namespace As {@linkcode pidNamespaceOf} has it.
 * @throws {SystemError} If /proc cannot be read.
 */
export function processesIn(namespace: string): SeenProcess[] {
  const own = pidNamespaceOf("self");
  return allProcesses().filter((pid) => unlessGone(() => isWithin(pid, namespace, own)))
    .flatMap(seen);
}

/**
 * The processes that descend from a process, as far as they have not lost their parents to init; sorted.
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
 * The children of a process, as far as the kernel names it as their parent; sorted.
 *
 * @throws {SystemError} If /proc cannot be read.
 */
export function childrenOf(parent: number): SeenProcess[] {
  return allProcesses().flatMap(seen).filter((each) => each.parent === parent);
}

function allProcesses(): number[] {
  const names = readDirectory("/proc").filter((name) => /^\d+$/.test(name));
  return names.map(Number).toSorted((one, other) => one - other);
}

/** What its status says of it; nothing if it is gone. */
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

/** Whether the namespace of a process was made in that of that name, or in one below it. */
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
      if (error instanceof SystemError && error.errno === Errno.EPERM) return false; // beside or above
      throw error;
    }
  }
}
