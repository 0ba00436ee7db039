/**
 * Calls that the runtime makes instead of libc: starting a program, sending a signal. The runtime
 * puts the errno into the text of its errors; here they become a `SystemError` like that of any
 * other call.
 *
 * @module
 */

import { Errno, SystemError } from "../../ffi/abi/errno.ts";

/**
 * Makes a call through the runtime, and returns its result.
 *
 * @param syscall The system call behind it, for the error.
 * @param action The purpose of the call, for the error.
 * @throws {SystemError} If the system refuses it: `EMFILE`, `EAGAIN`, `ENOENT`, `EPERM`, …
 * Other errors of the runtime are passed on.
 */
export function runtimeCall<T>(syscall: string, action: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    const errno = errnoIn(error);
    if (errno === undefined) throw error;
    throw new SystemError(syscall, errno, action);
  }
}

/**
 * Returns the errno in an error of the runtime. The texts look like `Failed to spawn 'x': Too many
 * open files (os error 24)`, `… 'x': entity not found` or `EPERM: Operation not permitted`.
 */
function errnoIn(error: unknown): number | undefined {
  if (error instanceof Deno.errors.NotFound) return Errno.ENOENT;
  const message = error instanceof Error ? error.message : "";
  const [, number, name] = message.match(/\(os error (\d+)\)$|^(E[A-Z0-9]+): /) ?? [];
  return number === undefined ? Errno[name as keyof typeof Errno] : Number(number);
}
