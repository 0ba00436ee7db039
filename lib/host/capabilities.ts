/**
 * The capabilities(7) that a run needs. In a container, root lacks most of them.
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
  CAP_SYS_PTRACE,
};

/** The name of a capability that an experiment may need. */
export type Capability = keyof typeof BITS;

/**
 * The capabilities that every experiment needs. With CAP_KILL the parent can end a child that has
 * become nobody, with CAP_SETPCAP it can start one with fewer capabilities, and with CAP_SYS_PTRACE
 * it can inspect one after its drop.
 */
export const ALWAYS_NEEDED: readonly Capability[] = [
  "CAP_NET_RAW",
  "CAP_SETUID",
  "CAP_SETGID",
  "CAP_KILL",
  "CAP_SETPCAP",
  "CAP_SYS_PTRACE",
];

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

/** Returns a message about missing capabilities, and the remedy. */
export function describeMissing(missing: readonly Capability[]): [what: string, remedy: string] {
  const names = missing.join(", ");
  return [`Root without ${names}`, `Grant ${names} (in a container: --cap-add)`];
}
