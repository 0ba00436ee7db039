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

import {
  AUDIT_ARCH_I386,
  I386_OLD_MMAP,
  I386_SECOND_SYSCALLS,
  I386_SOCKETCALL,
  I386_SYSCALLS,
  SOCKETCALLS,
  X32_BIT,
  X32_SYSCALLS,
} from "../../../ffi/abi/other_abis.ts";
import { AUDIT_ARCH, type SyscallName, syscallNumber } from "../../../ffi/abi/syscalls.ts";
import type { FilteredCall } from "../../../ffi/seccomp/call_data.ts";
import type { CallPattern, KnownBits } from "../../../ffi/seccomp/possible_answers.ts";

/** An argument in which the process is free, wholly or in some bits. */
export interface FreeArgument {
  /** A value that does it. */
  readonly sample: bigint;
  /** The bits that may have any value. */
  readonly free: bigint;
}

/**
 * An argument: a number where C declares an `int`, a bigint for a `long` or a pointer that must
 * have this value.
 */
export type Argument = number | bigint | FreeArgument;

/** A system call that a process may make. */
export interface Call {
  readonly name: SyscallName;
  /** The arguments that matter; the process is free in those behind them. */
  readonly args: readonly Argument[];
}

const INT = 0xffff_ffffn, LONG = 0xffff_ffff_ffff_ffffn;

/** Returns an argument that may have any value. */
export const any = (sample: number | bigint): FreeArgument => ({
  sample: BigInt.asUintN(64, BigInt(sample)),
  free: LONG,
});

/** Returns an argument of type `int` that may have any value in these bits. */
export const anyIn = (free: number, sample: number): FreeArgument => ({
  sample: BigInt.asUintN(32, BigInt(sample)),
  free: BigInt.asUintN(32, BigInt(free)) | LONG & ~INT,
});

/** A pointer to some memory of the process. */
export const POINTER: FreeArgument = any(0x7f12_3456_7000n);

/** No pointer. */
export const NULL = 0n;

/** A pointer, where a null pointer would mean something else. */
export const NOT_NULL: FreeArgument = { sample: POINTER.sample, free: LONG };

/** Returns a call. */
export function call(name: SyscallName, ...args: readonly Argument[]): Call {
  return { name, args };
}

/** A way into the kernel beside that of this architecture. */
export type OtherAbi = "i386" | "x32" | "arm";

/** A bit that the kernel ignores in an argument of type `int`. */
const IGNORED = 1n << 32n;

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
    args.map((arg) => typeof arg === "number" ? int(arg) : valueOf(arg));
  const signed = written((value) => BigInt.asUintN(64, BigInt(value)));
  const unsigned = written((value) => BigInt.asUintN(32, BigInt(value)));
  const odd = written((value) => BigInt.asUintN(32, BigInt(value)) | IGNORED);
  const isNegative = args.some((arg) => typeof arg === "number" && arg < 0);
  const forms = [signed, ...isNegative ? [unsigned] : [], odd];
  return [
    ...forms.map((args) => ({ nr, args })),
    ...abis.includes("x32") ? [{ nr: x32Number(name, nr), args: signed }] : [],
    ...abis.includes("i386") ? formsIn32Bits(call) : [],
  ];
}

const valueOf = (arg: Argument): bigint =>
  BigInt.asUintN(64, typeof arg === "object" ? arg.sample : BigInt(arg));

const x32Number = (name: SyscallName, nr: number) => X32_BIT | (X32_SYSCALLS[name] ?? nr);

function formsIn32Bits(call: Call): FilteredCall[] {
  return callsIn32Bits(call).map(({ nr, args }) => ({
    arch: AUDIT_ARCH_I386,
    nr,
    args: args.map((arg) => BigInt.asUintN(32, valueOf(arg))),
  }));
}

/** Returns the numbers and arguments by which 32-bit programs make a call. */
function callsIn32Bits({ name, args }: Call): { nr: number; args: readonly Argument[] }[] {
  const numbers = [I386_SYSCALLS[name], I386_SECOND_SYSCALLS[name]];
  const socketcall = SOCKETCALLS[name];
  return [
    ...numbers.filter((nr) => nr !== undefined).map((nr) => ({ nr, args })),
    ...name === "mmap" ? [{ nr: I386_OLD_MMAP, args: [POINTER] }] : [],
    ...socketcall === undefined ? [] : [{ nr: I386_SOCKETCALL, args: [socketcall, POINTER] }],
  ];
}

/**
 * Returns everything that is known of a call in any of its forms, one pattern a number.
 *
 * @param abis As for {@linkcode formsOf}.
 */
export function patternsOf(call: Call, abis: readonly OtherAbi[] = []): CallPattern[] {
  const { name, args } = call;
  const nr = syscallNumber(name);
  if (nr === null) return [];
  const arch = AUDIT_ARCH[Deno.build.arch];
  const known = { arch, args: args.map(knownOf) };
  const numbers = [nr, ...abis.includes("x32") ? [x32Number(name, nr)] : []];
  const patterns = [
    ...numbers.map((nr) => ({ nr, ...known })),
    ...abis.includes("i386")
      ? callsIn32Bits(call).map(({ nr, args }) => ({
        arch: AUDIT_ARCH_I386,
        nr,
        args: args.map((arg) => in32Bits(knownOf(arg))),
      }))
      : [],
  ];
  return args.includes(NOT_NULL)
    ? patterns.flatMap((pattern) => withoutNull(pattern, args.indexOf(NOT_NULL)))
    : patterns;
}

function knownOf(arg: Argument): KnownBits {
  if (typeof arg === "object") return knownBits(LONG & ~arg.free, arg.sample);
  return typeof arg === "number" ? knownBits(INT, BigInt(arg)) : knownBits(LONG, arg);
}

const knownBits = (known: bigint, value: bigint): KnownBits => ({
  known,
  value: BigInt.asUintN(64, value) & known,
});

/** The registers of a 32-bit program have nothing in their high halves. */
const in32Bits = ({ known, value }: KnownBits): KnownBits => ({
  known: known | LONG & ~INT,
  value: value & INT,
});

/** A pointer that is not null has a 1 in one of its bits: one pattern each. */
function withoutNull(pattern: CallPattern, argument: number): CallPattern[] {
  return Array.from({ length: 64 }, (_, bit) => 1n << BigInt(bit)).map((bit) => ({
    ...pattern,
    args: pattern.args.map((arg, i) => i === argument ? knownBits(bit, bit) : arg),
  }));
}
