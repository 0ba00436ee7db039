/**
 * Random filters of system calls, valid or not.
 *
 * @module
 */

import {
  assemble,
  BPF_A,
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
  BPF_X,
  BPF_XOR,
  bpfAnd,
  bpfCompute,
  type BpfInstruction,
  bpfLoad,
  bpfReturn,
  SECCOMP_RET_TRAP,
} from "../../../ffi/mod.ts";
import { type Case, GETPID, GETPPID, OTHERS_ALLOWED, UNASSIGNED } from "./kernel_answers.ts";

const WORD = 2 ** 32;
/** Random numbers from a seed: mulberry32. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ state >>> 15, state | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return Math.floor(((t ^ t >>> 14) >>> 0) / WORD * below);
  };
}

type Random = ReturnType<typeof randomFrom>;

const pick = <T>(random: Random, from: readonly T[]): T => from[random(from.length)];

const CONSTANTS = [0, 1, 2, 31, 32, 33, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];
const OPERATIONS = [
  BPF_ADD,
  BPF_SUB,
  BPF_MUL,
  BPF_DIV,
  BPF_OR,
  BPF_AND,
  BPF_LSH,
  BPF_RSH,
  BPF_NEG,
  BPF_XOR,
];
/** All actions, two that do not exist, and the largest errno and what is beyond. */
const RESULTS = [
  0x80000000,
  0x00000000,
  0x00030000,
  0x00050000,
  0x7fc00000,
  0x7ff00000,
  0x7ffc0000,
  0x7fff0000,
  0x7fff0000,
  0x00040000,
  0x80010000,
].flatMap((action) => [action, action + 1, action + 4095, action + 4096, action + 0xffff]);

function constant(random: Random): number {
  return random(3) === 0 ? random(WORD) : pick(random, CONSTANTS);
}

/** One instruction, mostly valid, of those that may stand `left` instructions before the end. */
function instruction(random: Random, left: number): BpfInstruction {
  const jt = random(Math.min(left, 8)), jf = random(Math.min(left, 8));
  const plain = (code: number, k: number) => ({ code, jt: 0, jf: 0, k });
  const operand = pick(random, [BPF_K, BPF_X]);
  switch (random(left > 1 ? 12 : 8)) {
    case 0:
    case 1:
      return bpfLoad(4 * random(16));
    case 2: { // an immediate, the length, or memory
      const mode = pick(random, [BPF_IMM, BPF_IMM, BPF_LEN, BPF_MEM]);
      const code = pick(random, [BPF_LD, BPF_LDX]) | mode;
      return plain(code, mode === BPF_MEM ? random(4) : constant(random));
    }
    case 3:
      return plain(pick(random, [BPF_ST, BPF_STX]), random(4));
    case 4:
    case 5: {
      const operation = pick(random, OPERATIONS);
      const isShift = operation === BPF_LSH || operation === BPF_RSH;
      const k = isShift ? random(32) : constant(random);
      if (operation === BPF_NEG) return plain(BPF_ALU | operation, k);
      return plain(BPF_ALU | operation | operand, operation === BPF_DIV && k === 0 ? 7 : k);
    }
    case 6:
      return plain(BPF_MISC | pick(random, [BPF_TAX, BPF_TXA]), 0);
    case 7:
      return random(4) === 0 ? bpfReturn(pick(random, RESULTS)) : bpfLoad(16 + 4 * random(12));
    case 8:
      return plain(BPF_JMP | BPF_JA, random(Math.min(left, 8)));
    default:
      return {
        code: BPF_JMP | pick(random, [BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET]) | operand,
        jt,
        jf,
        k: constant(random),
      };
  }
}

/** The last instructions: a result, the accumulator, or 16 bits of it as the data of SIGSYS. */
function ending(random: Random): BpfInstruction[] {
  const returnA = { ...bpfReturn(0), code: BPF_RET | BPF_A };
  const kind = random(8);
  if (kind === 0) return [returnA];
  if (kind < 4) return [bpfReturn(pick(random, RESULTS))];
  return [
    bpfCompute(BPF_RSH, pick(random, [0, 16])),
    bpfAnd(0xffff),
    bpfCompute(BPF_OR, SECCOMP_RET_TRAP),
    returnA,
  ];
}

/**
 * A random filter. It allows every call but getpid, getppid, and numbers that the kernel does not
 * have.
 */
function filter(random: Random): BpfInstruction[] {
  const length = 1 + random(40);
  return [
    ...OTHERS_ALLOWED,
    ...Array.from({ length }, (_, i) => instruction(random, length - i)),
    ...ending(random),
  ];
}

/** Any byte of the program may be another: most such programs are not valid. */
function damaged(random: Random, program: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const copy = program.slice();
  const body = copy.subarray(OTHERS_ALLOWED.length * 8);
  const at = random(body.length);
  body[at] = pick(random, [0, 1, 4, 15, 16, 31, 32, 64, 255, body[at] ^ 1 << random(8)]);
  return copy;
}

/** A random case. */
function randomCase(random: Random): Case {
  const programs = Array.from({ length: 1 + random(3) }, () => {
    const program = assemble(filter(random));
    return random(6) === 0 ? damaged(random, program) : program;
  });
  const calls = Array.from({ length: 4 }, () => ({
    nr: pick(random, [GETPID, GETPID, GETPPID, -1, UNASSIGNED + random(1000), 0x7fffffff]),
    args: Array.from({ length: 6 }, () => {
      const [high, low] = [constant(random), constant(random)];
      return BigInt(pick(random, [0, high])) << 32n | BigInt(low);
    }),
  }));
  return { programs, calls };
}

/** Random cases. */
export function randomCases(seed: number, count: number): Case[] {
  const random = randomFrom(seed);
  return Array.from({ length: count }, () => randomCase(random));
}
