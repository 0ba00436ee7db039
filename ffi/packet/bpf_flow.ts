/**
 * What is known before each instruction of a classic BPF program, over all ways to it.
 *
 * @module
 */

import { BPF_JA, BPF_JMP, BPF_RET } from "../abi/constants.ts";
import type { BpfInstruction } from "./bpf.ts";
import { bpfClass, isConditionalJump } from "./bpf_code.ts";

/** The knowledge that an analysis collects. */
export interface Knowledge<State> {
  /** Before the first instruction. */
  readonly start: State;
  /** After an instruction; for a jump, if its condition holds, or does not. */
  after(instruction: BpfInstruction, before: State, holds: boolean): State;
  /** What is known if either is true. */
  either(one: State, other: State): State;
}

/** The most values that are kept of something with several possible ones. */
const MOST_VALUES = 16;

/** The possible values of something; undefined if it may be anything. */
export type Values = ReadonlySet<number> | undefined;

/** The values that are in one of two sets. */
export function eitherOf(one: Values, other: Values): Values {
  if (one === undefined || other === undefined) return undefined;
  const both = one.union(other);
  return both.size > MOST_VALUES ? undefined : both;
}

/**
 * The knowledge before each instruction; undefined for one that is never reached. A program need
 * not be valid. Jumps only go forward, so one pass suffices.
 */
export function flow<State>(
  instructions: readonly BpfInstruction[],
  knowledge: Knowledge<State>,
): (State | undefined)[] {
  const states = new Array<State | undefined>(instructions.length).fill(undefined);
  states.fill(knowledge.start, 0, 1);
  for (const [at, instruction] of instructions.entries()) {
    const before = states[at];
    if (before === undefined) continue;
    const reach = (target: number, holds: boolean) => {
      if (target >= states.length) return;
      const state = knowledge.after(instruction, before, holds);
      const known = states[target];
      states[target] = known === undefined ? state : knowledge.either(known, state);
    };
    const { code, jt, jf, k } = instruction;
    if (isConditionalJump(instruction)) {
      reach(at + 1 + jt, true);
      reach(at + 1 + jf, false);
    } else if (bpfClass(code) !== BPF_RET) {
      reach(at + 1 + (code === (BPF_JMP | BPF_JA) ? k : 0), true);
    }
  }
  return states;
}
