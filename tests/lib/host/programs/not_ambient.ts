/**
 * Becomes another user and keeps its capabilities, but not as ambient ones; prints why it is no
 * supervisor.
 *
 * @module
 */

import {
  _LINUX_CAPABILITY_VERSION_3,
  capget,
  PR_SET_KEEPCAPS,
  prctl,
  rawSyscall,
  setresuid,
} from "../../../../ffi/mod.ts";
import { CannotAnswer } from "../../../../lib/evidence/errors.ts";
import { requireSupervisor } from "../../../../lib/host/supervisor.ts";

prctl(PR_SET_KEEPCAPS, 1);
setresuid(1001, 1001, 1001);
const permitted = Number(BigInt.asUintN(32, capget().permitted));
const head = Uint32Array.of(_LINUX_CAPABILITY_VERSION_3, 0);
const sets = Uint32Array.of(permitted, permitted, 0, 0, 0, 0);
rawSyscall("capset", new Uint8Array(head.buffer), new Uint8Array(sets.buffer));
try {
  requireSupervisor("sudo fdpass");
} catch (error) {
  if (!(error instanceof CannotAnswer)) throw error;
  const text = JSON.stringify([error.message, error.remedy]);
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
