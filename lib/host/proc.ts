/**
 * The /proc of this machine, which shows the processes of one PID namespace.
 *
 * @module
 */

import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { readLink } from "../../ffi/process/file.ts";
import { CannotAnswer } from "../evidence/errors.ts";

/**
 * Requires a /proc of this PID namespace, where the parent sees its children by their process ids.
 * Without /proc the runtime does not even know its own path.
 *
 * @throws {CannotAnswer} If there is none.
 */
export function requireProc(): void {
  const self = linkIn("/proc/self");
  if (self === String(Deno.pid)) return;
  const remedy = "mount -t proc proc /proc";
  if (self === undefined) {
    throw new CannotAnswer("/proc is not mounted: no process can be inspected", remedy);
  }
  throw new CannotAnswer(
    `/proc belongs to another PID namespace: there this process is ${self}, not ${Deno.pid}`,
    remedy,
  );
}

function linkIn(path: string): string | undefined {
  try {
    return readLink(path);
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.ENOENT) return undefined;
    throw error;
  }
}
