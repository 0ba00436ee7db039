/**
 * Filters of system calls at the edges of what instructions do, and of what the kernel accepts.
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
  BPF_X,
  BPF_XOR,
  bpfAnd,
  bpfCompute,
  type BpfInstruction,
  bpfLoad,
  bpfReturn,
  seccomp_data,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_TRAP,
} from "../../../ffi/mod.ts";
import { type Case, GETPID, OTHERS_ALLOWED } from "./kernel_answers.ts";

const EDGES = [0, 1, 2, 7, 31, 32, 33, 0xffff, 0x10001, 0x7fffffff, 0x80000000, 0xffffffff];
const ARGS = seccomp_data.fields.args[0];

const plain = (code: number, k = 0): BpfInstruction => ({ code, jt: 0, jf: 0, k });
const program = (...body: BpfInstruction[]) => assemble([...OTHERS_ALLOWED, ...body]);
const call = (...args: number[]) => ({
  nr: GETPID,
  args: [...args, 0, 0, 0, 0, 0, 0].slice(0, 6).map(BigInt),
});

/** `A = args[0], X = args[1]`. */
const LOADED = [bpfLoad(ARGS + 8), plain(BPF_MISC | BPF_TAX), bpfLoad(ARGS)];

/** Returns 16 bits of the accumulator as the data of SIGSYS: two programs show all of it. */
const showing = (shift: 0 | 16) => [
  bpfCompute(BPF_RSH, shift),
  bpfAnd(0xffff),
  bpfCompute(BPF_OR, SECCOMP_RET_TRAP),
  plain(BPF_RET | BPF_A),
];
const halves = (...body: BpfInstruction[]) =>
  ([0, 16] as const).map((shift) => program(...body, ...showing(shift)));

/** Every operation and condition, of constants and of the index register. */
export function computations(): Case[] {
  const operations = [
    ...[BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR],
    ...[BPF_AND, BPF_LSH, BPF_RSH, BPF_NEG, BPF_XOR],
  ];
  const conditions = [BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET];
  const compute = (source: number, k?: number) =>
    operations.filter((each) => each !== BPF_NEG || source === BPF_K)
      .map((operation) => [plain(BPF_ALU | operation | source, k)]);
  const compare = (source: number, k = 0) =>
    conditions.map((condition) => [
      { code: BPF_JMP | condition | source, jt: 1, jf: 0, k },
      bpfLoad(0), // getpid
    ]);
  const pairs = EDGES.flatMap((a) => EDGES.map((x) => call(a, x)));
  const singles = EDGES.map((a) => call(a));
  return [
    ...[...compute(BPF_X), ...compare(BPF_X)].map((body) => ({ body, calls: pairs })),
    ...EDGES.flatMap((k) => [...compute(BPF_K, k), ...compare(BPF_K, k)])
      .map((body) => ({ body, calls: singles })),
  ].flatMap(({ body, calls }) =>
    halves(...LOADED, ...body).map((each) => ({ programs: [each], calls }))
  );
}

/** Loads, stores and copies. */
export function moves(): Case[] {
  const store = [...LOADED, plain(BPF_ST, 3), plain(BPF_STX, 15)];
  const bodies = [
    [...store, plain(BPF_LD | BPF_MEM, 3)],
    [...store, plain(BPF_LD | BPF_MEM, 15)],
    [...store, plain(BPF_LDX | BPF_MEM, 3), plain(BPF_MISC | BPF_TXA)],
    [...store, plain(BPF_LDX | BPF_MEM, 15), plain(BPF_MISC | BPF_TXA)],
    [plain(BPF_LD | BPF_LEN)],
    [plain(BPF_LDX | BPF_LEN), plain(BPF_MISC | BPF_TXA)],
    [plain(BPF_MISC | BPF_TXA)], // X begins as 0
    ...Array.from({ length: seccomp_data.size / 4 }, (_, i) => [bpfLoad(4 * i)]),
  ];
  const calls = [
    call(0x1234_5678, 0x9abc_def0),
    { nr: GETPID, args: Array.from({ length: 6 }, (_, i) => 0x8123_4567_89ab_cdefn + BigInt(i)) },
  ];
  return bodies.flatMap((body) => halves(...body).map((each) => ({ programs: [each], calls })));
}

/** Every code with constants and jumps at which the kernel begins to refuse it. */
export function codes(): Case[] {
  const stores = Array.from({ length: BPF_MEMWORDS }, (_, i) => plain(BPF_ST, i));
  const constants = [0, 4, 15, 16, 31, 32, 62, 64];
  const refuse = bpfReturn(0x50001), allow = bpfReturn(SECCOMP_RET_ALLOW);
  const bodies: BpfInstruction[][] = [];
  for (let code = 0; code < 0x108; code++) {
    for (const k of constants) bodies.push([...stores, plain(code, k), allow]);
    const jumps = [{ code, jt: 1, jf: 0, k: 1 }, { code, jt: 0, jf: 1, k: 1 }, plain(code, 2)];
    // A jump over one instruction, and out of the program.
    if ((code & 7) === BPF_JMP) {
      bodies.push(...jumps.flatMap((x) => [[x, refuse, allow], [x, allow]]));
    } else bodies.push([jumps[0], allow]);
  }
  return bodies.map((body) => ({
    programs: [unchecked([...OTHERS_ALLOWED, ...body])],
    calls: [call(1, 2)],
  }));
}

/** The bytes of a program, whose jumps may leave it. */
function unchecked(instructions: readonly BpfInstruction[]): Uint8Array<ArrayBuffer> {
  const program = assemble(instructions.map((each) => ({ ...each, jt: 0, jf: 0 })));
  instructions.forEach(({ jt, jf }, i) => program.set([jt, jf], 8 * i + 2));
  return program;
}
