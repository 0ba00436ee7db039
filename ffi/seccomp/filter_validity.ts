/**
 * The rules by which the kernel accepts a classic BPF program as a filter of system calls.
 *
 * @module
 */

import {
  BPF_A,
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_DIV,
  BPF_IMM,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_JSET,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LEN,
  BPF_LSH,
  BPF_MEM,
  BPF_MEMWORDS,
  BPF_MISC,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RET,
  BPF_RSH,
  BPF_ST,
  BPF_STX,
  BPF_SUB,
  BPF_TAX,
  BPF_TXA,
  BPF_W,
  BPF_X,
  BPF_XOR,
} from "../abi/constants.ts";
import { seccomp_data } from "../abi/layouts.ts";
import { type BpfInstruction, bpfInstructions } from "../packet/bpf.ts";

const OPERATIONS = [
  BPF_ADD,
  BPF_SUB,
  BPF_MUL,
  BPF_DIV,
  BPF_OR,
  BPF_AND,
  BPF_LSH,
  BPF_RSH,
  BPF_XOR,
];
const CONDITIONS = [BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET];
const CONDITIONAL_JUMPS = new Set(
  CONDITIONS.flatMap((each) => [BPF_JMP | each | BPF_K, BPF_JMP | each | BPF_X]),
);
const RETURNS = new Set([BPF_RET | BPF_K, BPF_RET | BPF_A]);
const SHIFTS = new Set([BPF_ALU | BPF_LSH | BPF_K, BPF_ALU | BPF_RSH | BPF_K]);
const MEMORY_LOADS = new Set([BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM]);
const STORES = new Set<number>([BPF_ST, BPF_STX]);
const JUMP = BPF_JMP | BPF_JA;

/** `BPF_MOD` is not among them, although socket filters may have it. */
const CODES = new Set([
  BPF_LD | BPF_W | BPF_ABS,
  BPF_LD | BPF_W | BPF_LEN,
  BPF_LDX | BPF_W | BPF_LEN,
  BPF_LD | BPF_IMM,
  BPF_LDX | BPF_IMM,
  BPF_ALU | BPF_NEG,
  BPF_MISC | BPF_TAX,
  BPF_MISC | BPF_TXA,
  JUMP,
  ...OPERATIONS.flatMap((each) => [BPF_ALU | each | BPF_K, BPF_ALU | each | BPF_X]),
  ...CONDITIONAL_JUMPS,
  ...RETURNS,
  ...MEMORY_LOADS,
  ...STORES,
]);

/** Why the kernel refuses an instruction, whatever is around it; undefined if it does not. */
function refusal(
  { code, jt, jf, k }: BpfInstruction,
  at: number,
  length: number,
): string | undefined {
  if (!CODES.has(code)) return `the code 0x${code.toString(16)} is not one of a system call filter`;
  if (code === (BPF_LD | BPF_W | BPF_ABS) && (k >= seccomp_data.size || k % 4 !== 0)) {
    return `there is no word at offset ${k} of seccomp_data`;
  }
  if (code === (BPF_ALU | BPF_DIV | BPF_K) && k === 0) return "it divides by 0";
  if (SHIFTS.has(code) && k > 31) return `it shifts by ${k}`;
  if ((MEMORY_LOADS.has(code) || STORES.has(code)) && k >= BPF_MEMWORDS) {
    return `there is no cell ${k} of memory`;
  }
  const skipped = CONDITIONAL_JUMPS.has(code) ? Math.max(jt, jf) : code === JUMP ? k : 0;
  if (skipped > 0 && at + 1 + skipped >= length) return "it jumps out of the program";
  return undefined;
}

/**
 * The first instruction that loads a cell of memory which is not stored on every path to it;
 * undefined if there is none. Source: `check_load_and_stores` in net/core/filter.c.
 */
function uninitialisedLoad(instructions: readonly BpfInstruction[]): number | undefined {
  const ALL = 0xffff;
  const stored = new Uint16Array(instructions.length).fill(ALL);
  let now = 0;
  for (const [at, { code, jt, jf, k }] of instructions.entries()) {
    now &= stored[at];
    if (STORES.has(code)) now |= 1 << k;
    if (MEMORY_LOADS.has(code) && (now >> k & 1) === 0) return at;
    const skipped = CONDITIONAL_JUMPS.has(code) ? [jt, jf] : code === JUMP ? [k] : [];
    for (const each of skipped) stored[at + 1 + each] &= now;
    if (skipped.length > 0) now = ALL;
  }
  return undefined;
}

/**
 * Decodes a filter of system calls, and checks it as the kernel does before it installs one.
 * Source: `bpf_check_classic` in net/core/filter.c, `seccomp_check_filter` in kernel/seccomp.c.
 *
 * @throws {Error} If the kernel would refuse it: the message names the instruction, counted from 0.
 */
export function checkedFilter(program: Uint8Array<ArrayBuffer>): BpfInstruction[] {
  const instructions = bpfInstructions(program);
  const refuse = (at: number, reason: string): never => {
    throw new Error(`Instruction ${at} of the filter is not valid: ${reason}`);
  };
  instructions.forEach((each, at) => {
    const reason = refusal(each, at, instructions.length);
    if (reason !== undefined) refuse(at, reason);
  });
  const last = instructions.length - 1;
  if (!RETURNS.has(instructions[last].code)) refuse(last, "the program does not end in a return");
  const load = uninitialisedLoad(instructions);
  if (load !== undefined) refuse(load, "it loads a cell of memory that may not have been stored");
  return instructions;
}
