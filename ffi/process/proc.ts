/**
 * Reading /proc of a process that may end meanwhile.
 *
 * @module
 */

import { Errno, SystemError } from "../abi/errno.ts";
import { readDirectory, readLink } from "./file.ts";

/**
 * The open descriptors of a process, and what each refers to, such as `socket:[4711]`.
 *
 * Reads the links of `/proc/PID/fd` (proc_pid_fd(5)). The descriptor that the reading itself opens
 * is left out.
 *
 * @param process A process id, or `"self"`.
 * @param most The largest accepted number: a process may open a million descriptors to slow the
 * reader down.
 * @returns Number → target of the link.
 * @throws {SystemError} `ENOENT` if there is no such process or no /proc; `EACCES` if this process
 * may not look at it.
 * @throws {RangeError} If there are more than `most`.
 */
export function openDescriptors(process: number | "self", most = Infinity): Map<number, string> {
  const folder = `/proc/${process}/fd`;
  const names = readDirectory(folder);
  if (names.length > most) throw new RangeError(`more than ${most} descriptors: ${names.length}`);
  const descriptors = new Map<number, string>();
  for (const name of names) {
    // The descriptor of the folder itself is closed by now, and others may be.
    const link = unlessGone(() => readLink(`${folder}/${name}`));
    if (link !== undefined) descriptors.set(Number(name), link);
  }
  return descriptors;
}

/**
 * Reads something in /proc that may be gone: its process has ended, or its descriptor is closed.
 *
 * The read is repeated before absence is believed, because a check that looks for something
 * forbidden must not overlook it.
 *
 * @param read The read.
 * @returns The result of `read`; `undefined` if it fails twice with `ENOENT` or `ESRCH`.
 * @throws Any other error of `read`.
 */
export function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  try {
    return read();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

const isGone = (error: unknown) =>
  error instanceof SystemError && (error.errno === Errno.ENOENT || error.errno === Errno.ESRCH);
