/**
 * The answer of filters to a system call in a sentence.
 *
 * @module
 */

import { BPF_RET } from "../abi/constants.ts";
import { bpfInstructions } from "../packet/bpf.ts";
import { bpfClass } from "../packet/bpf_code.ts";
import { filterResult } from "./actions.ts";
import type { FilteredCall } from "./call_data.ts";
import { evaluateFilters } from "./evaluate.ts";

/**
 * Names the instruction that decides over a system call: `filter 2 of 3, instruction 41: ret
 * ERRNO(EPERM)`. Filters are counted from 1, the oldest first, instructions from 0, as
 * {@linkcode disassembleSyscallFilter} counts them. If the filters look at something that the call
 * leaves out, the sentence says so.
 *
 * @throws {Error} If the kernel would not install one of the programs.
 * @throws {RangeError} If the call has more than six arguments.
 *
 * @example
 * ```ts
 * import { compileFilter, explainAnswer, syscallNumber } from "../mod.ts";
 *
 * const program = compileFilter({
 *   rules: [{ syscall: "getpid", action: "EPERM", reason: "an example" }],
 *   otherwise: { action: "allow", reason: "an example" },
 * }, "aarch64");
 * const call = { nr: syscallNumber("getpid", "aarch64")!, args: [], arch: 0xc00000b7 };
 * console.log(explainAnswer([program], call)); // filter 1 of 1, instruction 5: ret ERRNO(EPERM)
 * ```
 */
export function explainAnswer(
  programs: readonly Uint8Array<ArrayBuffer>[],
  call: FilteredCall,
): string {
  const { action, value, program, instruction, assumed } = evaluateFilters(programs, call);
  const depends = assumed.length === 0 ? "" : `, where ${assumed.join(", ")} = 0`;
  if (programs.length === 0) return "no filter";
  if (action === "allow") {
    return (programs.length === 1 ? "the filter allows it" : "every filter allows it") + depends;
  }
  const { code } = bpfInstructions(programs[program])[instruction];
  const isReturn = bpfClass(code) === BPF_RET;
  return `filter ${program + 1} of ${programs.length}, instruction ${instruction}: ` +
    `${isReturn ? "ret" : "division by 0,"} ${filterResult(value)}${depends}`;
}
