/**
 * Runs filters of system calls over a call that is known only in part: could any such call pass?
 *
 * Theory of operation. A word is a set of bits that are known and their values. A program runs with
 * such words instead of numbers. Where a jump depends on bits that are not known, both ways are
 * followed. A word that was compared with a number, and is equal, is known on that way; nothing
 * else is concluded from a comparison. So every way that a real call can take is followed, and
 * perhaps some that none can take: "no call passes" is certain, and "some call may pass" is not.
 *
 * Programs only jump forward. The same instruction with the same words is followed once. A program
 * that has too many ways counts as one that may let a call pass, and so does every program once the
 * budget is used up.
 *
 * @module
 */

import {
  BPF_A,
  BPF_ALU,
  BPF_AND,
  BPF_IMM,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_JSET,
  BPF_LD,
  BPF_LDX,
  BPF_LEN,
  BPF_LSH,
  BPF_MEM,
  BPF_MEMWORDS,
  BPF_MISC,
  BPF_OR,
  BPF_RET,
  BPF_RSH,
  BPF_ST,
  BPF_STX,
  BPF_TAX,
  BPF_X,
  BPF_XOR,
  SECCOMP_RET_ACTION_FULL,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_USER_NOTIF,
} from "../abi/constants.ts";
import { seccomp_data } from "../abi/layouts.ts";
import type { BpfInstruction } from "../packet/bpf.ts";
import { bpfClass, bpfMode, bpfOperation, bpfResult, bpfSource } from "../packet/bpf_code.ts";
import { compute } from "./arithmetic.ts";
import { checkedFilter } from "./filter_validity.ts";

/** Some bits of 64, and their values; the others may have any. */
export interface KnownBits {
  /** 1 where a bit is known. */
  readonly known: bigint;
  /** 0 where a bit is not known. */
  readonly value: bigint;
}

/** A system call, as far as it is known. */
export interface CallPattern {
  /** Its number. */
  readonly nr: number;
  /** `AUDIT_ARCH_…`. */
  readonly arch: number;
  /** Its arguments; nothing is known of those left out. */
  readonly args: readonly KnownBits[];
}

/** A word of 32 bits, as far as it is known. */
interface Word {
  readonly known: number;
  readonly value: number;
}

const ALL = 0xffffffff;
const UNKNOWN: Word = { known: 0, value: 0 };
const exactly = (value: number): Word => ({ known: ALL, value: value >>> 0 });
const isExact = ({ known }: Word) => known === ALL;

/** The most instructions that are followed in a filter for one pattern. */
const STEP_LIMIT = 100_000;

/** How many instructions may be followed in all, by every function that shares it. */
export interface StepBudget {
  /** The number that is left. */
  steps: number;
}

/** The memory of a program that has not written to it. */
const UNUSED: readonly Word[] = new Array<Word>(BPF_MEMWORDS).fill(exactly(0));

/** The actions after which a call is made, or another process decides. */
const PASSING = new Set(
  [SECCOMP_RET_ALLOW, SECCOMP_RET_LOG, SECCOMP_RET_TRACE, SECCOMP_RET_USER_NOTIF]
    .map((action) => action >>> 0),
);

/** A program in the middle of its run. */
interface State {
  readonly at: number;
  readonly a: Word;
  readonly x: Word;
  readonly memory: readonly Word[];
}

/**
 * Returns a function that tells whether any call of a pattern may pass all of some filters: whether
 * each of them may return `allow`, `log`, `trace` or `notify`.
 *
 * @example
 * ```ts
 * import { AUDIT_ARCH, compileFilter, intIs, passageFinder, syscallNumber } from "../mod.ts";
 *
 * const program = compileFilter({
 *   rules: [{ syscall: "write", action: "allow", when: [intIs(2, 7)], reason: "an example" }],
 *   otherwise: { action: "EPERM", reason: "an example" },
 * });
 * const mayPass = passageFinder([program]);
 * const arch = AUDIT_ARCH[Deno.build.arch];
 * console.assert(mayPass({ nr: syscallNumber("write")!, arch, args: [] }));
 * console.assert(!mayPass({ nr: syscallNumber("read")!, arch, args: [] }));
 * ```
 *
 * @param programs Classic BPF programs, as {@linkcode readInstalledFilters} returns them.
 * @param budget How many instructions may be followed; without a limit if omitted.
 * @throws {Error} If the kernel would not install one of them.
 */
export function passageFinder(
  programs: readonly Uint8Array<ArrayBuffer>[],
  budget: StepBudget = { steps: Infinity },
): (pattern: CallPattern) => boolean {
  const filters = programs.map(checkedFilter);
  return (pattern) => filters.every((filter) => mayPass(filter, wordsOf(pattern), budget));
}

/** Returns a function that returns the word at an offset of `struct seccomp_data`. */
function wordsOf({ nr, arch, args }: CallPattern): (offset: number) => Word {
  const first = seccomp_data.fields.args[0];
  return (offset) => {
    if (offset === seccomp_data.fields.nr[0]) return exactly(nr);
    if (offset === seccomp_data.fields.arch[0]) return exactly(arch);
    const arg = args[Math.floor((offset - first) / 8)];
    if (offset < first || arg === undefined) return UNKNOWN;
    const shift = offset % 8 === 0 ? 0n : 32n; // both architectures are little-endian
    const half = (bits: bigint) => Number(bits >> shift & 0xffffffffn);
    return { known: half(arg.known), value: half(arg.value) };
  };
}

function mayPass(
  filter: readonly BpfInstruction[],
  read: (offset: number) => Word,
  budget: StepBudget,
): boolean {
  const left: State[] = [{ at: 0, a: exactly(0), x: exactly(0), memory: UNUSED }];
  const followed = new Set<string>();
  for (let steps = 0; left.length > 0; steps++) {
    if (steps === STEP_LIMIT || --budget.steps < 0) return true;
    const state = left.pop()!;
    const instruction = filter[state.at];
    if (bpfClass(instruction.code) === BPF_RET) {
      const result = bpfResult(instruction.code) === BPF_A ? state.a : exactly(instruction.k);
      if (passes(result)) return true;
      continue;
    }
    const next = follow(instruction, state, read);
    if (next.length === 1) left.push(next[0]);
    else left.push(...next.filter((each) => isNew(keyOf(each))));
  }
  return false;

  function isNew(key: string): boolean {
    const size = followed.size;
    return followed.add(key).size > size;
  }
}

function keyOf({ at, a, x, memory }: State): string {
  const words = memory === UNUSED ? [a, x] : [a, x, ...memory];
  return [at, ...words.flatMap(({ known, value }) => [known, value])].join();
}

/** A result of which not all bits are known may be anything. */
function passes(result: Word): boolean {
  return !isExact(result) || PASSING.has((result.value & SECCOMP_RET_ACTION_FULL) >>> 0);
}

/** Returns the states after an instruction: two after a jump that is not certain. */
function follow(
  instruction: BpfInstruction,
  state: State,
  read: (offset: number) => Word,
): readonly State[] {
  const { code, k } = instruction;
  const { a, x, memory } = state;
  const next = { ...state, at: state.at + 1 };
  const b = bpfSource(code) === BPF_X ? x : exactly(k);
  switch (bpfClass(code)) {
    case BPF_LD:
      return [{ ...next, a: loaded(instruction, memory, read) }];
    case BPF_LDX:
      return [{ ...next, x: loaded(instruction, memory, read) }];
    case BPF_ST:
      return [{ ...next, memory: memory.with(k, a) }];
    case BPF_STX:
      return [{ ...next, memory: memory.with(k, x) }];
    case BPF_ALU: {
      const result = computed(bpfOperation(code), a, b);
      return result === undefined ? [] : [{ ...next, a: result }]; // a division by 0 kills
    }
    case BPF_JMP:
      return jumps(instruction, next, b);
    case BPF_MISC:
      return [bpfOperation(code) === BPF_TAX ? { ...next, x: a } : { ...next, a: x }];
    default:
      throw new Error(`There is no instruction 0x${code.toString(16)}`);
  }
}

function loaded(
  { code, k }: BpfInstruction,
  memory: readonly Word[],
  read: (offset: number) => Word,
): Word {
  switch (bpfMode(code)) {
    case BPF_IMM:
      return exactly(k);
    case BPF_MEM:
      return memory[k];
    case BPF_LEN:
      return exactly(seccomp_data.size);
    default:
      return read(k);
  }
}

function jumps({ code, jt, jf, k }: BpfInstruction, next: State, b: Word): readonly State[] {
  const operation = bpfOperation(code);
  if (operation === BPF_JA) return [{ ...next, at: next.at + k }];
  const isTrue = decided(operation, next.a, b);
  const taken = { ...next, at: next.at + jt, a: operation === BPF_JEQ && isExact(b) ? b : next.a };
  const missed = { ...next, at: next.at + jf };
  return isTrue === undefined ? [missed, taken] : isTrue ? [taken] : [missed];
}

/** Whether a comparison holds; undefined if that depends on bits that are not known. */
function decided(operation: number, a: Word, b: Word): boolean | undefined {
  switch (operation) {
    case BPF_JEQ:
      if (((a.value ^ b.value) & a.known & b.known) !== 0) return false;
      return isExact(a) && isExact(b) ? true : undefined;
    case BPF_JGT:
      return least(a) > most(b) ? true : most(a) <= least(b) ? false : undefined;
    case BPF_JGE:
      return least(a) >= most(b) ? true : most(a) < least(b) ? false : undefined;
    case BPF_JSET:
      if ((a.value & b.value) !== 0) return true;
      return (most(a) & most(b)) === 0 ? false : undefined;
    default:
      throw new Error(`There is no comparison 0x${operation.toString(16)}`);
  }
}

/** The number with 0 in every bit that is not known. */
const least = ({ value }: Word) => value;
/** The number with 1 in every bit that is not known. */
const most = ({ known, value }: Word) => (value | ~known) >>> 0;

const word = (known: number, value: number): Word => ({
  known: known >>> 0,
  value: (value & known) >>> 0,
});

/** `a op b`, as far as it is known; undefined for a division by 0. */
function computed(operation: number, a: Word, b: Word): Word | undefined {
  const both = a.known & b.known;
  const bits = b.value & 31;
  switch (operation) {
    case BPF_AND: // a 0 on either side is enough
      return word(both | a.known & ~a.value | b.known & ~b.value, a.value & b.value);
    case BPF_OR: // a 1 on either side is enough
      return word(both | a.value | b.value, a.value | b.value);
    case BPF_XOR:
      return word(both, a.value ^ b.value);
    case BPF_LSH:
      return isExact(b) ? word(a.known << bits | (1 << bits) - 1, a.value << bits) : UNKNOWN;
    case BPF_RSH:
      return isExact(b) ? word(a.known >>> bits | ~(ALL >>> bits), a.value >>> bits) : UNKNOWN;
    default: {
      if (!isExact(b)) return UNKNOWN;
      const result = compute(operation, a.value, b.value);
      if (result === undefined) return undefined;
      return isExact(a) ? exactly(result) : UNKNOWN;
    }
  }
}
