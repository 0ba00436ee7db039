/**
 * What makes this process a supervisor: uid 0, or some of root's capabilities.
 *
 * @module
 */

import { SystemError } from "../../ffi/abi/errno.ts";
import { readTextFile } from "../../ffi/process/file.ts";
import { CannotAnswer } from "../evidence/errors.ts";
import {
  ALWAYS_NEEDED,
  type Capability,
  describeMissing,
  heldCapabilities,
  missingCapabilities,
  NOT_ROOTS,
  SUPERVISORS,
  unitWith,
} from "./capabilities.ts";
import { userName } from "./users.ts";

/**
 * Requires what makes this process a supervisor: root, or the capabilities of one as ambient ones,
 * so that a child gets them.
 *
 * @param sudo The command that runs fdpass again, as root.
 * @throws {CannotAnswer} If a capability is missing.
 */
export function requireSupervisor(sudo: string): void {
  const uid = Deno.uid();
  if (uid === 0) {
    const missing = missingCapabilities(ALWAYS_NEEDED);
    if (missing.length > 0) throw new CannotAnswer(...describeMissing(missing));
    return;
  }
  const missing = missingCapabilities(SUPERVISORS);
  if (missing.length > 0) {
    throw new CannotAnswer(
      `uid ${uid} without ${missing.join(", ")}: an unprivileged parent has no privileges to ` +
        `drop (a service may have them: ${unitWith(NOT_ROOTS)})`,
      sudo,
    );
  }
  const lost = missingCapabilities(SUPERVISORS, ambientCapabilities());
  if (lost.length > 0) {
    throw new CannotAnswer(
      `uid ${uid} has ${lost.join(", ")}, but not as ambient: its child would start without`,
      `setpriv --ambient-caps=${namesForSetpriv(lost)} (in a unit: ${unitWith(NOT_ROOTS)})`,
    );
  }
}

function ambientCapabilities(): bigint {
  const [, digits] = readTextFile("/proc/self/status").match(/^CapAmb:\s*(\S+)$/m) ?? [];
  return digits === undefined ? 0n : BigInt(`0x${digits}`); // the line exists since Linux 4.3
}

/** The argument of an option of setpriv(1): `+net_raw,+setuid`. */
function namesForSetpriv(capabilities: readonly Capability[]): string {
  return capabilities.map((name) => `+${name.slice("CAP_".length).toLowerCase()}`).join(",");
}

/** Describes this process: `root (UID 0)`, or `mcr (UID 1001) with CAP_NET_RAW, …`. */
export function describeSelf(): string {
  const uid = Deno.uid();
  if (uid === 0) return "root (UID 0)";
  try {
    const held = heldCapabilities();
    return `${userName(uid ?? 0)} (UID ${uid}) with ${held.join(", ") || "no capability"}`;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return `user (UID ${uid})`; // a filter, or no /etc: the run finds out whether it matters
  }
}
