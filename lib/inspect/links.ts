/**
 * Links in /proc of a process that may have made them hard to read.
 *
 * @module
 */

import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { readLink } from "../../ffi/process/file.ts";
import { unlessGone } from "../../ffi/process/proc.ts";

/** What stands for a path that is longer than the kernel shows: PATH_MAX. */
export const TOO_LONG = "a path that is too long to be read";

/**
 * Reads a link in /proc.
 *
 * @returns Its target; {@linkcode TOO_LONG} for a path that the kernel does not return; `undefined`
 * if there is none, or if it may not be read.
 * @throws {SystemError} Any other error of readlink(2).
 */
export function linkAt(path: string): string | undefined {
  try {
    return unlessGone(() => readLink(path));
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.errno === Errno.ENAMETOOLONG) return TOO_LONG;
    if (error.errno === Errno.EACCES || error.errno === Errno.EPERM) return undefined;
    throw error;
  }
}
