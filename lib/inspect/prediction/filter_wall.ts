/**
 * The filters of a thread as a wall: does a system call pass?
 *
 * @module
 */

import { errnoName } from "../../../ffi/abi/errno.ts";
import { AUDIT_ARCH_ARM } from "../../../ffi/abi/other_abis.ts";
import type { FilteredCall } from "../../../ffi/seccomp/call_data.ts";
import { type FilterAnswer, filterEvaluator } from "../../../ffi/seccomp/evaluate.ts";
import {
  type CallPattern,
  passageFinder,
  type StepBudget,
} from "../../../ffi/seccomp/possible_answers.ts";
import type { AskedThread, Prediction } from "../subject.ts";
import type { ThreadCredentials } from "../threads/threads.ts";
import { type Call, formsOf, type OtherAbi, patternsOf } from "./calls.ts";

/** The filters of a thread: none, those of strict mode, some that were read, or unknown ones. */
export type ThreadFilters =
  | { readonly kind: "none" }
  | { readonly kind: "strict" }
  | {
    readonly kind: "read";
    readonly evaluate: (call: FilteredCall) => FilterAnswer;
    /** Whether any call of a pattern may pass. */
    readonly mayPass: (pattern: CallPattern) => boolean;
    readonly abis: readonly OtherAbi[];
    /** Whether it lets any call of a 32-bit program for arm pass, which cannot be told apart. */
    readonly isOpenToArm: boolean;
    /** The instructions that may still be run. */
    readonly budget: StepBudget;
  }
  | { readonly kind: "unknown"; readonly reason: string };

/** Whether a call passes: `true`, the refusal, or the reason why that cannot be told. */
export type Passage = true | Prediction | string;

/**
 * The most instructions of filters that a prediction runs. A hostile process may have filters of
 * many thousands on each thread.
 */
export const MOST_STEPS = 20_000_000;

const TOO_LONG = "its filters are too long to try every call";
const UNKNOWN = "a filter is installed, content unknown";
const OPEN_TO_ARM = "the filter lets calls of 32-bit programs pass";
const STRICT = 1;

/** The size of an instruction, in bytes. */
const INSTRUCTION = 8;

/** The calls of strict mode. Source: `mode1_syscalls` in kernel/seccomp.c. */
const IN_STRICT_MODE: readonly string[] = ["read", "write", "exit", "rt_sigreturn"];

/**
 * Returns the filters of a thread.
 *
 * @param asked What it showed while it was stopped; undefined if it was not asked.
 * @param abis The other ways into this kernel.
 * @param budget The instructions that may still be run.
 */
export function filtersOf(
  { seccomp, filters }: ThreadCredentials,
  asked: Pick<AskedThread, "filters"> | undefined,
  abis: readonly OtherAbi[],
  budget: StepBudget,
): ThreadFilters {
  if (seccomp === 0) return { kind: "none" };
  if (seccomp === STRICT) return { kind: "strict" };
  if (asked === undefined) return { kind: "unknown", reason: UNKNOWN };
  const read = asked.filters.length;
  if (read === 0 || filters !== null && filters !== read) {
    return { kind: "unknown", reason: `only ${read} of its filters were read` };
  }
  try {
    const evaluator = filterEvaluator(asked.filters);
    const length = asked.filters.reduce((sum, program) => sum + program.length / INSTRUCTION, 0);
    const evaluate = (call: FilteredCall) => {
      budget.steps -= length;
      return evaluator(call);
    };
    const isOpenToArm = abis.includes("arm") && letsArmPass(evaluate);
    const mayPass = passageFinder(asked.filters, budget);
    return { kind: "read", evaluate, mayPass, abis, isOpenToArm, budget };
  } catch (error) {
    return { kind: "unknown", reason: `its filter cannot be run: ${(error as Error).message}` };
  }
}

/** The first number that arm does not have. Source: asm/unistd.h of arm, Linux 6.18. */
const ARM_CALLS = 470;

function letsArmPass(evaluate: (call: FilteredCall) => FilterAnswer): boolean {
  const args = [0n, 0n, 0n, 0n, 0n, 0n];
  for (let nr = 0; nr < ARM_CALLS; nr++) {
    const { action } = evaluate({ arch: AUDIT_ARCH_ARM, nr, args });
    if (action === "allow" || action === "log") return true;
  }
  return false;
}

/**
 * Returns whether one of some calls passes, in one of its forms. If none does, the answer to the
 * first counts.
 *
 * @param calls Calls that do the same. It may be empty if this architecture has none of them.
 */
export function passes(filters: ThreadFilters, calls: readonly Call[]): Passage {
  switch (filters.kind) {
    case "none":
      return true;
    case "unknown":
      return calls.length === 0 || filters.reason;
    case "strict":
      return calls.length === 0 || calls.some(({ name }) => IN_STRICT_MODE.includes(name)) ||
        { outcome: "killed", wall: "filter", reason: "seccomp is in strict mode" };
    case "read":
      return passesRead(filters, calls);
  }
}

/**
 * A call passes if one of its forms does. It is refused only if no call of that kind may pass,
 * whatever the process chooses where it is free.
 */
function passesRead(
  { evaluate, mayPass, abis, isOpenToArm, budget }: Extract<ThreadFilters, { kind: "read" }>,
  calls: readonly Call[],
): Passage {
  let doubt: string | undefined;
  let refusal: Prediction | undefined;
  for (const each of calls) {
    for (const form of formsOf(each, abis)) {
      if (budget.steps < 0) return TOO_LONG;
      const verdict = verdictOn(each.name, evaluate(form));
      if (verdict === true) return true;
      if (typeof verdict === "string") doubt ??= verdict;
      else refusal ??= verdict;
    }
  }
  if (doubt !== undefined || refusal === undefined) return doubt ?? true;
  if (isOpenToArm) return OPEN_TO_ARM;
  const open = calls.find((each) => patternsOf(each, abis).some(mayPass));
  if (budget.steps < 0) return TOO_LONG;
  return open === undefined ? refusal : `the filter may let ${open.name} pass in another form`;
}

function verdictOn(name: string, { action, data, assumed, ...rule }: FilterAnswer): Passage {
  const where = `${name}: filter ${rule.program}, instruction ${rule.instruction}`;
  switch (action) {
    case "allow":
    case "log":
      // A process chooses its registers, and not always the address from which it calls.
      return !assumed.some((each) => each.startsWith("instruction_pointer")) ||
        `${where} looks at the address of the call`;
    case "trace":
    case "notify":
      return `${where} leaves it to another process`;
    case "errno":
      return { outcome: data === 0 ? "no effect" : errnoName(data), wall: "filter", reason: where };
    case "trap":
      return { outcome: "killed", wall: "filter", reason: `${where}, by SIGSYS` };
    case "kill-thread":
    case "kill-process":
      return { outcome: "killed", wall: "filter", reason: where };
  }
}
