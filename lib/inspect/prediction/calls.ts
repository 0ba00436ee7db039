/**
 * System calls as a filter sees them, and the forms in which a process may make one.
 *
 * A filter sees the number and six registers. The kernel takes an `int` from the low half of its
 * register, so the process is free in the high half: a rule that compares all 64 bits misses a
 * descriptor that is written as 0x1_0000_0005. What a pointer refers to is not seen.
 *
 * @module
 */

import type { FilteredCall } from "../../../ffi/seccomp/call_data.ts";
import { type SyscallName, syscallNumber } from "../../../ffi/abi/syscalls.ts";

/** A system call that a process may make. */
export interface Call {
  readonly name: SyscallName;
  /** Numbers for arguments that C declares as `int`, bigints for pointers and longs. */
  readonly args: readonly (number | bigint)[];
}

/** A pointer to some memory of the process. */
export const POINTER = 0x7f12_3456_7000n;
/** No pointer. */
export const NULL = 0n;

/** Returns a call. */
export function call(name: SyscallName, ...args: readonly (number | bigint)[]): Call {
  return { name, args };
}

/** A bit that the kernel ignores in an argument of type `int`. */
const IGNORED = 1n << 32n;

/**
 * Returns the forms of a call that do the same: its usual one first. It is empty if this
 * architecture does not have the call.
 */
export function formsOf({ name, args }: Call): FilteredCall[] {
  const nr = syscallNumber(name);
  if (nr === null) return [];
  const written = (int: (value: number) => bigint) =>
    args.map((arg) => typeof arg === "bigint" ? BigInt.asUintN(64, arg) : int(arg));
  const signed = written((value) => BigInt.asUintN(64, BigInt(value)));
  const unsigned = written((value) => BigInt.asUintN(32, BigInt(value)));
  const odd = written((value) => BigInt.asUintN(32, BigInt(value)) | IGNORED);
  const isNegative = args.some((arg) => typeof arg === "number" && arg < 0);
  const forms = [signed, ...isNegative ? [unsigned] : [], odd];
  return forms.map((args) => ({ nr, args }));
}
