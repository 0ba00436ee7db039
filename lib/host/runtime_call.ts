/**
 * What the runtime does in place of libc: starting a program, sending a signal. It says why it could not in words of its own, with the errno
 * among them; here that becomes what any other refused call is.
 *
 * @module
 */

import { Errno, SystemError } from "../../ffi/abi/errno.ts";

/**
 * Has the runtime make a call.
 *
 * @param syscall What it comes down to, for the error.
 * @param action What it is for, for the error.
 * @throws {SystemError} If the system refuses it: `EMFILE`, `EAGAIN`, `ENOENT`, `EPERM`, …
 * @throws What else the runtime throws.
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

/** `Failed to spawn 'x': Too many open files (os error 24)`, `… 'x': entity not found`, `EPERM: Operation not permitted`. */
function errnoIn(error: unknown): number | undefined {
  if (error instanceof Deno.errors.NotFound) return Errno.ENOENT;
  const message = error instanceof Error ? error.message : "";
  const [, number, name] = message.match(/\(os error (\d+)\)$|^(E[A-Z0-9]+): /) ?? [];
  return number === undefined ? Errno[name as keyof typeof Errno] : Number(number);
}
