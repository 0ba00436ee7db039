/**
 * `struct seccomp_data`: all that a filter of system calls sees of a call.
 *
 * @module
 */

import { seccomp_data } from "../abi/layouts.ts";
import { AUDIT_ARCH } from "../abi/syscalls.ts";

/**
 * A system call, as far as it is known. A process on x86_64 has other numbers for the same call: by
 * `int $0x80` with `AUDIT_ARCH_I386`, and with the x32 bit (0x40000000) set. A filter may treat
 * them differently.
 */
export interface FilteredCall {
  /** Its number. */
  readonly nr: number;
  /** Its arguments, as the registers hold them: at most six. Those left out count as 0. */
  readonly args: readonly bigint[];
  /** `AUDIT_ARCH_…`: that of this machine if omitted. */
  readonly arch?: number;
  /** The address behind the instruction that calls; 0 if omitted. */
  readonly instructionPointer?: bigint;
}

const ARGUMENTS = 6;
const OFFSET = {
  instructionPointer: seccomp_data.fields.instruction_pointer[0],
  args: seccomp_data.fields.args[0],
};

/** A system call as the bytes that a filter loads from. */
export interface CallData {
  /** `struct seccomp_data`. */
  readonly bytes: DataView<ArrayBuffer>;
  /** Whether the call left the word at this offset out. */
  isAssumed(offset: number): boolean;
}

/**
 * The bytes of a system call for a filter. Source: `populate_seccomp_data` in kernel/seccomp.c.
 *
 * @throws {RangeError} If it has more than six arguments.
 */
export function callData(
  { nr, args, arch = AUDIT_ARCH[Deno.build.arch], instructionPointer }: FilteredCall,
): CallData {
  if (args.length > ARGUMENTS) {
    throw new RangeError(`A system call has ${ARGUMENTS} arguments at most, not ${args.length}`);
  }
  const data = seccomp_data.alloc();
  Object.assign(data, { nr, arch, instruction_pointer: instructionPointer ?? 0n });
  const bytes = new DataView(data.bytes.buffer, data.bytes.byteOffset, seccomp_data.size);
  args.forEach((arg, i) => bytes.setBigUint64(OFFSET.args + 8 * i, arg, true));
  return {
    bytes,
    isAssumed: (offset) =>
      offset >= OFFSET.args + 8 * args.length ||
      instructionPointer === undefined && offset >= OFFSET.instructionPointer &&
        offset < OFFSET.args,
  };
}

/**
 * The name of a word of `struct seccomp_data`, such as `nr` or `args[2] high`. Both architectures
 * are little-endian: the low word of a field of 64 bits comes first. Source: linux/seccomp.h.
 *
 * @param offset In bytes.
 * @returns `undefined` where there is no word.
 */
export function callDataField(offset: number): string | undefined {
  const { nr, arch } = seccomp_data.fields;
  if (offset % 4 !== 0 || offset < 0 || offset >= seccomp_data.size) return undefined;
  if (offset === nr[0]) return "nr";
  if (offset === arch[0]) return "arch";
  const half = offset % 8 === 0 ? "low" : "high";
  if (offset < OFFSET.args) return `instruction_pointer ${half}`;
  return `args[${Math.floor((offset - OFFSET.args) / 8)}] ${half}`;
}
