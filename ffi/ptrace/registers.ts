/**
 * The registers that a system call uses, on each architecture.
 *
 * `tests/abi` compares those of the machine that it runs on with a C compiler.
 *
 * @module
 */

import { type Fields, type Struct, struct } from "../abi/struct.ts";
import type { Architecture } from "../abi/syscalls.ts";

/** How a program makes a system call. */
export interface SyscallConvention {
  /** `struct user_regs_struct` with the fields in use, as C spells them. Source: sys/user.h. */
  readonly registers: Struct<Fields>;
  /** The register that holds the address of the next instruction. */
  readonly programCounter: string;
  /** The register that holds the number of the call. */
  readonly number: string;
  /** The registers that hold the arguments. */
  readonly args: readonly string[];
  /** The register that holds the result. */
  readonly result: string;
  /**
   * The register that holds the number of the current call, -1 for none; absent if it is in another
   * register set.
   */
  readonly callNumber?: string;
  /** The instruction that makes the call. */
  readonly instruction: Uint8Array<ArrayBuffer>;
  /** The alignment of instructions, in bytes. */
  readonly alignment: number;
}

/** The convention of each architecture. Source: syscall(2), "Architecture calling conventions". */
export const SYSCALL_CONVENTIONS: Readonly<Record<Architecture, SyscallConvention>> = {
  x86_64: {
    registers: struct("user_regs_struct", 216, {
      r10: [56, "u64"],
      r9: [64, "u64"],
      r8: [72, "u64"],
      rax: [80, "u64"],
      rdx: [96, "u64"],
      rsi: [104, "u64"],
      rdi: [112, "u64"],
      orig_rax: [120, "u64"],
      rip: [128, "u64"],
    }),
    programCounter: "rip",
    number: "rax",
    args: ["rdi", "rsi", "rdx", "r10", "r8", "r9"],
    result: "rax",
    callNumber: "orig_rax",
    instruction: Uint8Array.of(0x0f, 0x05), // syscall
    alignment: 1,
  },
  aarch64: {
    registers: struct("user_regs_struct", 272, {
      "regs[0]": [0, "u64"],
      "regs[1]": [8, "u64"],
      "regs[2]": [16, "u64"],
      "regs[3]": [24, "u64"],
      "regs[4]": [32, "u64"],
      "regs[5]": [40, "u64"],
      "regs[8]": [64, "u64"],
      pc: [256, "u64"],
    }),
    programCounter: "pc",
    number: "regs[8]",
    args: ["regs[0]", "regs[1]", "regs[2]", "regs[3]", "regs[4]", "regs[5]"],
    result: "regs[0]",
    instruction: Uint8Array.of(0x01, 0x00, 0x00, 0xd4), // svc #0
    alignment: 4,
  },
};
