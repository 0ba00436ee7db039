/**
 * System calls by name, for calls that have no function in libc: syscall(2).
 *
 * @module
 */

import { check } from "./errno.ts";
import { libc } from "./libc.ts";
import { addressOf } from "./struct.ts";
import { type SyscallName, syscallNumber } from "./syscalls.ts";

// SAFETY: the arguments whose addresses are passed stay referenced here until the next call.
let held: readonly unknown[] = [];

/**
 * Makes a system call on this thread: syscall(2). A call that changes credentials changes them on
 * this thread alone.
 *
 * @example
 * ```ts
 * import { rawSyscall } from "../mod.ts";
 *
 * console.assert(rawSyscall("getpid") === Deno.pid);
 * ```
 *
 * @param name The call, as the kernel spells it.
 * @param args At most six; bytes are passed by address.
 * @returns The lower 32 bits of the result, as an `int`.
 * @throws {SystemError} If the call fails.
 * @throws {RangeError} If the architecture does not have the call.
 */
export function rawSyscall(
  name: SyscallName,
  ...args: readonly (number | bigint | Uint8Array<ArrayBuffer>)[]
): number {
  const number = syscallNumber(name);
  if (number === null) throw new RangeError(`No system call ${name} on ${Deno.build.arch}`);
  held = args;
  const [a, b, c, d, e, f] = [...held as typeof args, 0, 0, 0, 0, 0, 0].map((arg) =>
    arg instanceof Uint8Array ? addressOf(arg) : BigInt.asUintN(64, BigInt(arg))
  );
  return check(libc.syscall(BigInt(number), a, b, c, d, e, f), name);
}
