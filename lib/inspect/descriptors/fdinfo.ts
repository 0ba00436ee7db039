/**
 * The lines of `/proc/PID/fdinfo/FD`.
 *
 * @module
 */

import { O_PATH } from "../../../ffi/abi/constants.ts";
import type { InspectedDescriptor } from "../../evidence/inspected.ts";

const ACCESS = ["read", "write", "read and write", null] as const;
const O_ACCMODE = 3;

/** Returns the access of a descriptor from the text of its fdinfo. Source: proc_pid_fdinfo(5). */
export function accessIn(info: string): InspectedDescriptor["access"] {
  const [, octal] = info.match(/^flags:\s*([0-7]+)$/m) ?? [];
  if (octal === undefined) return null;
  const flags = parseInt(octal, 8);
  return (flags & O_PATH) !== 0 ? "path" : ACCESS[flags & O_ACCMODE];
}

/**
 * Returns the number of descriptors in flight in a socket's queue from the text of its fdinfo;
 * undefined before Linux 5.11. Source: proc_pid_fdinfo(5), `scm_fds`.
 */
export function inFlightIn(info: string): number | undefined {
  const [, count] = info.match(/^scm_fds:\s*(\d+)$/m) ?? [];
  return count === undefined ? undefined : Number(count);
}
