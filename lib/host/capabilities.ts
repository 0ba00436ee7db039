/**
 * Which capabilities(7) of root's a run needs. A container has root without most of them.
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
import { capget } from "../../ffi/process/credentials.ts";

const BITS = {
  CAP_KILL,
  CAP_NET_ADMIN,
  CAP_NET_RAW,
  CAP_SETGID,
  CAP_SETPCAP,
  CAP_SETUID,
  CAP_SYS_PTRACE,
};

/** The name of a capability that something here needs. */
export type Capability = keyof typeof BITS;

/**
 * Without these there is nothing to prove. CAP_KILL lets the parent end a child that is nobody, CAP_SETPCAP start it with fewer
 * capabilities, and CAP_SYS_PTRACE look at it after its drop.
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
 * Which of these capabilities this process cannot use.
 *
 * @param effective Those that it can use, as a set of bits.
 */
export function missingCapabilities(
  needed: readonly Capability[],
  effective = attempt("Cannot read this process's capabilities", capget).effective,
): Capability[] {
  return [...new Set(needed)].filter((name) => (effective >> BigInt(BITS[name]) & 1n) === 0n);
}

/** What is missing, in words, and what would help. */
export function describeMissing(missing: readonly Capability[]): [what: string, remedy: string] {
  const names = missing.join(", ");
  return [`Root without ${names}`, `Grant ${names} (in a container: --cap-add)`];
}
