/**
 * The files in /proc of another process. Some are open to their owner alone: the user of the
 * process, or root once the process has changed its ids. Source: proc(5).
 *
 * @module
 */

import { CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SETUID } from "../../../ffi/abi/constants.ts";
import { capget, withFileUid } from "../../../ffi/process/capabilities.ts";

/**
 * Acts with the right of the owner of the files in `/proc/PID`. Root has that right already. A
 * process that is not root, such as a service with ambient capabilities, uses its CAP_SETUID, for
 * the duration of `act` and on this thread alone. What ptrace(2) protects, it protects still.
 *
 * @param act Must be synchronous.
 * @returns The result of `act`.
 */
export function withFilesOf<T>(pid: number, act: () => T): T {
  if (Deno.uid() === 0) return act();
  const { effective } = capget();
  const has = (capability: number) => (effective >> BigInt(capability) & 1n) === 1n;
  if (has(CAP_DAC_OVERRIDE) || has(CAP_DAC_READ_SEARCH) || !has(CAP_SETUID)) return act();
  const owner = ownerOf(pid);
  return owner === undefined ? act() : withFileUid(owner, act);
}

function ownerOf(pid: number): number | undefined {
  try {
    return Deno.statSync(`/proc/${pid}/fd`).uid ?? undefined;
  } catch {
    return undefined; // it has ended, which the caller finds out
  }
}
