/**
 * The capabilities(7) that a run needs. In a container, root lacks most of them. A service that is
 * not root may have them as ambient ones: `User=` and `AmbientCapabilities=` in systemd.exec(5).
 *
 * @module
 */

import {
  CAP_KILL,
  CAP_NET_ADMIN,
  CAP_NET_RAW,
  CAP_SETGID,
  CAP_SETPCAP,
  CAP_SETUID,
  CAP_SYS_ADMIN,
  CAP_SYS_PTRACE,
} from "../../ffi/abi/constants.ts";
import { attempt } from "../../ffi/abi/errno.ts";
import { capget } from "../../ffi/process/capabilities.ts";

const BITS = {
  CAP_KILL,
  CAP_NET_ADMIN,
  CAP_NET_RAW,
  CAP_SETGID,
  CAP_SETPCAP,
  CAP_SETUID,
  CAP_SYS_ADMIN,
  CAP_SYS_PTRACE,
};

/** The name of a capability that an experiment may need. */
export type Capability = keyof typeof BITS;

/** The capabilities without which a process cannot be a supervisor at all. */
export const SUPERVISORS: readonly Capability[] = ["CAP_NET_RAW", "CAP_SETUID", "CAP_SETGID"];

/**
 * The capabilities that root needs for every experiment. With CAP_KILL the parent can end a child
 * that has become nobody, with CAP_SETPCAP it can start one with fewer capabilities, and with
 * CAP_SYS_PTRACE it can inspect one after its drop.
 */
export const ALWAYS_NEEDED: readonly Capability[] = [
  ...SUPERVISORS,
  "CAP_KILL",
  "CAP_SETPCAP",
  "CAP_SYS_PTRACE",
];

/**
 * The capabilities that a supervisor that is not root needs for an answer. It starts its children
 * with fewer capabilities without CAP_SETPCAP, because its programs gain none by execve(2).
 */
export const NOT_ROOTS: readonly Capability[] = [...SUPERVISORS, "CAP_SYS_PTRACE", "CAP_KILL"];

/**
 * Returns the capabilities of `needed` that this process lacks, each once.
 *
 * @param effective The effective set of this process, as bits.
 */
export function missingCapabilities(
  needed: readonly Capability[],
  effective = attempt("Cannot read this process's capabilities", capget).effective,
): Capability[] {
  return [...new Set(needed)].filter((name) => (effective >> BigInt(BITS[name]) & 1n) === 0n);
}

/**
 * Returns a message about missing capabilities, and the remedy.
 *
 * @param uid The user of this process.
 */
export function describeMissing(
  missing: readonly Capability[],
  uid = Deno.uid(),
): [what: string, remedy: string] {
  const names = missing.join(", ");
  if (uid !== 0) {
    return [`uid ${uid} without ${names}`, `Grant it (in a unit: ${unitWith(missing)})`];
  }
  return [`Root without ${names}`, `Grant ${names} (in a container: --cap-add)`];
}

/** Whether this process may take capabilities from the bounding set of its children. */
export function mayLimitBounding(): boolean {
  return missingCapabilities(["CAP_SETPCAP"]).length === 0;
}

/** The setting of a unit that grants these capabilities: systemd.exec(5). */
export function unitWith(capabilities: readonly Capability[]): string {
  return `AmbientCapabilities=${capabilities.join(" ")}`;
}

/** Returns the capabilities that this process has, of those that an experiment may need. */
export function heldCapabilities(): Capability[] {
  const asked = Object.keys(BITS) as Capability[];
  const missing = missingCapabilities(asked);
  return asked.filter((each) => !missing.includes(each));
}
