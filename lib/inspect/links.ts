/**
 * Links in /proc of a process that may have made them hard to read.
 *
 * @module
 */

import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { readLink } from "../../ffi/process/file.ts";
import { unlessGone } from "../../ffi/process/proc.ts";

/** Stands for a path that is longer than the kernel returns: PATH_MAX. */
export const TOO_LONG = "a path that is too long to be read";

/**
 * Reads a link in /proc.
 *
 * @returns Its target; {@linkcode TOO_LONG} for a path that the kernel does not return; `undefined`
 * if there is no such link.
 * @throws {SystemError} Any other error of readlink(2), such as `EACCES`.
 */
export function linkAt(path: string): string | undefined {
  try {
    return unlessGone(() => readLink(path));
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.ENAMETOOLONG) return TOO_LONG;
    throw error;
  }
}
