/**
 * System calls as a filter sees them, and the forms in which a process may make one.
 *
 * A filter sees the number and six registers. The kernel takes an `int` from the low half of its
 * register, so the process is free in the high half: a rule that compares all 64 bits misses a
 * descriptor that is written as 0x1_0000_0005. What a pointer refers to is not seen. An x86_64
 * kernel also takes the calls of 32-bit programs from any process, which have other numbers.
 *
 * @module
 */

import type { FilteredCall } from "../../../ffi/seccomp/call_data.ts";
import {
  AUDIT_ARCH_I386,
  I386_SOCKETCALL,
  I386_SYSCALLS,
  SOCKETCALLS,
  X32_BIT,
  X32_SYSCALLS,
} from "../../../ffi/abi/other_abis.ts";
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

/** A way into the kernel beside that of this architecture. */
export type OtherAbi = "i386" | "x32" | "arm";

/**
 * Returns the forms of a call that do the same: its usual one first. It is empty if this
 * architecture does not have the call.
 *
 * @param abis The other ways into this kernel. The numbers of `arm` are not known here.
 */
export function formsOf(call: Call, abis: readonly OtherAbi[] = []): FilteredCall[] {
  const { name, args } = call;
  const nr = syscallNumber(name);
  if (nr === null) return [];
  const written = (int: (value: number) => bigint) =>
    args.map((arg) => typeof arg === "bigint" ? BigInt.asUintN(64, arg) : int(arg));
  const signed = written((value) => BigInt.asUintN(64, BigInt(value)));
  const unsigned = written((value) => BigInt.asUintN(32, BigInt(value)));
  const odd = written((value) => BigInt.asUintN(32, BigInt(value)) | IGNORED);
  const isNegative = args.some((arg) => typeof arg === "number" && arg < 0);
  const forms = [signed, ...isNegative ? [unsigned] : [], odd];
  return [
    ...forms.map((args) => ({ nr, args })),
    ...abis.includes("x32") ? [{ nr: X32_BIT | (X32_SYSCALLS[name] ?? nr), args: signed }] : [],
    ...abis.includes("i386") ? formsIn32Bits(call) : [],
  ];
}

function formsIn32Bits({ name, args }: Call): FilteredCall[] {
  const nr = I386_SYSCALLS[name];
  const socketcall = SOCKETCALLS[name];
  const in32Bits = (values: readonly (number | bigint)[]) =>
    values.map((value) => BigInt.asUintN(32, BigInt(value)));
  const arch = AUDIT_ARCH_I386;
  return [
    ...nr === undefined ? [] : [{ arch, nr, args: in32Bits(args) }],
    ...socketcall === undefined
      ? []
      : [{ arch, nr: I386_SOCKETCALL, args: in32Bits([socketcall, POINTER]) }],
  ];
}
