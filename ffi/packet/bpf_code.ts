/**
 * The parts of the code of a classic BPF instruction, which the kernel's headers have as macros.
 * Source: linux/bpf_common.h, linux/filter.h.
 *
 * @module
 */

import { BPF_JA, BPF_JMP } from "../abi/constants.ts";
import type { BpfInstruction } from "./bpf.ts";

/** `BPF_CLASS`: what the instruction is, such as `BPF_LD` or `BPF_JMP`. */
export const bpfClass = (code: number): number => code & 0x07;

/** `BPF_SIZE`: how much a load reads, such as `BPF_W`. */
export const bpfSize = (code: number): number => code & 0x18;

/** `BPF_MODE`: where a load reads, such as `BPF_ABS`. */
export const bpfMode = (code: number): number => code & 0xe0;

/** `BPF_OP`: the operation of a computation, the condition of a jump, or the register of a move. */
export const bpfOperation = (code: number): number => code & 0xf0;

/** `BPF_SRC`: whether the second operand is the constant (`BPF_K`) or the index (`BPF_X`). */
export const bpfSource = (code: number): number => code & 0x08;

/** `BPF_RVAL`: whether a return takes the constant (`BPF_K`) or the accumulator (`BPF_A`). */
export const bpfResult = (code: number): number => code & 0x18;

/** Whether an instruction is a jump with a condition, by its class; its code may be invalid. */
export function isConditionalJump({ code }: BpfInstruction): boolean {
  return bpfClass(code) === BPF_JMP && bpfOperation(code) !== BPF_JA;
}
