/**
 * Runs filters of system calls over a call, without the kernel: what would it answer?
 *
 * The programs are classic BPF as the kernel allows it for seccomp(2): a 32-bit accumulator and
 * index register, 16 cells of memory, jumps that only go forward. So every run ends after as many
 * steps as the program has instructions.
 *
 * @module
 */

import {
  BPF_A,
  BPF_ALU,
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
  BPF_MEM,
  BPF_MEMWORDS,
  BPF_MISC,
  BPF_RET,
  BPF_ST,
  BPF_STX,
  BPF_TAX,
  BPF_X,
  SECCOMP_RET_ACTION_FULL,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_DATA,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
} from "../abi/constants.ts";
import { seccomp_data } from "../abi/layouts.ts";
import type { BpfInstruction } from "../packet/bpf.ts";
import { bpfClass, bpfMode, bpfOperation, bpfResult, bpfSource } from "../packet/bpf_code.ts";
import { compute } from "./arithmetic.ts";
import { type CallData, callData, callDataField, type FilteredCall } from "./call_data.ts";
import { MAX_ERRNO } from "./actions.ts";
import { checkedFilter } from "./filter_validity.ts";

/** What the kernel does with a system call. */
export type FilterAction =
  | "allow"
  | "log"
  | "trace"
  | "notify"
  | "errno"
  | "trap"
  | "kill-thread"
  | "kill-process";

/** The answer of some filters to a system call. */
export interface FilterAnswer {
  /** The most restrictive action that a filter returned. */
  readonly action: FilterAction;
  /**
   * The data of the action: the errno (0 makes the call return 0, without an effect), or the number
   * for the tracer or the signal.
   */
  readonly data: number;
  /** The result of the filter that decided: action and data. */
  readonly value: number;
  /** The index of that filter; -1 if there is no filter. */
  readonly program: number;
  /** The index of its last instruction: a return, or a division by 0; -1 if there is no filter. */
  readonly instruction: number;
  /**
   * What the filters looked at that the call left out, such as `instruction_pointer low`. They
   * found 0 there; another value may have another answer. If it is empty, the answer is certain.
   */
  readonly assumed: readonly string[];
}

const ACTIONS = new Map<number, FilterAction>([
  [SECCOMP_RET_KILL_PROCESS, "kill-process"],
  [SECCOMP_RET_KILL_THREAD, "kill-thread"],
  [SECCOMP_RET_TRAP, "trap"],
  [SECCOMP_RET_ERRNO, "errno"],
  [SECCOMP_RET_USER_NOTIF, "notify"],
  [SECCOMP_RET_TRACE, "trace"],
  [SECCOMP_RET_LOG, "log"],
  [SECCOMP_RET_ALLOW, "allow"],
]);

/** The result of one filter. */
interface Result {
  readonly value: number;
  readonly instruction: number;
}

/** The registers and the memory of a filter that runs. */
interface Machine {
  a: number;
  x: number;
  readonly memory: Uint32Array<ArrayBuffer>;
}

/** How many instructions a jump skips. */
function skipped({ code, jt, jf, k }: BpfInstruction, { a, x }: Machine): number {
  const operation = bpfOperation(code);
  if (operation === BPF_JA) return k;
  const b = bpfSource(code) === BPF_X ? x : k;
  return isTrue(operation, a, b) ? jt : jf;
}

function isTrue(operation: number, a: number, b: number): boolean {
  switch (operation) {
    case BPF_JEQ:
      return a === b;
    case BPF_JGT:
      return a > b;
    case BPF_JGE:
      return a >= b;
    case BPF_JSET:
      return (a & b) !== 0;
    default:
      throw new Error(`There is no condition 0x${operation.toString(16)}`);
  }
}

/** What a load puts into a register. */
function loaded(
  { code, k }: BpfInstruction,
  { memory }: Machine,
  read: (offset: number) => number,
): number {
  switch (bpfMode(code)) {
    case BPF_IMM:
      return k;
    case BPF_MEM:
      return memory[k];
    case BPF_LEN: // of the "packet", which is the struct
      return seccomp_data.size;
    default:
      return read(k);
  }
}

/** Runs a valid filter; `read` returns a word of `struct seccomp_data`. */
function run(instructions: readonly BpfInstruction[], read: (offset: number) => number): Result {
  const machine: Machine = { a: 0, x: 0, memory: new Uint32Array(BPF_MEMWORDS) };
  for (let at = 0; at < instructions.length; at++) {
    const instruction = instructions[at];
    const { code, k } = instruction;
    switch (bpfClass(code)) {
      case BPF_LD:
        machine.a = loaded(instruction, machine, read);
        break;
      case BPF_LDX:
        machine.x = loaded(instruction, machine, read);
        break;
      case BPF_ST:
        machine.memory[k] = machine.a;
        break;
      case BPF_STX:
        machine.memory[k] = machine.x;
        break;
      case BPF_ALU: {
        const b = bpfSource(code) === BPF_X ? machine.x : k;
        const result = compute(bpfOperation(code), machine.a, b);
        if (result === undefined) return { value: 0, instruction: at };
        machine.a = result;
        break;
      }
      case BPF_JMP:
        at += skipped(instruction, machine);
        break;
      case BPF_RET:
        return { value: bpfResult(code) === BPF_A ? machine.a : k, instruction: at };
      case BPF_MISC:
        if (bpfOperation(code) === BPF_TAX) machine.x = machine.a;
        else machine.a = machine.x;
        break;
    }
  }
  throw new Error("The filter has no end");
}

/** The order of actions: the lowest wins. Actions are compared as numbers with a sign. */
const rank = (value: number) => value & SECCOMP_RET_ACTION_FULL;

/**
 * The answer of the kernel to a system call of a process with these filters. All of them run; the
 * most restrictive action wins, and of equal ones that of the filter installed last. An action that
 * the kernel does not know kills the process.
 *
 * Two answers depend on others: `trace` without a tracer and `notify` without a listener make the
 * call fail with `ENOSYS`. `kill-thread` ends a process that has one thread. The calls uretprobe
 * and uprobe of x86_64, which give their caller nothing, pass every filter on newer kernels.
 *
 * Source: `seccomp_run_filters` and `__seccomp_filter` in kernel/seccomp.c, Linux 5.0 and later.
 *
 * @param programs Classic BPF programs, the oldest first, as {@linkcode readInstalledFilters}
 * returns them.
 * @throws {Error} If the kernel would not install one of them.
 * @throws {RangeError} If the call has more than six arguments.
 *
 * @example
 * ```ts
 * import { compileFilter, evaluateFilters, syscallNumber } from "../mod.ts";
 *
 * const program = compileFilter({
 *   rules: [{ syscall: "getpid", action: "EPERM", reason: "an example" }],
 *   otherwise: { action: "allow", reason: "an example" },
 * });
 * const { action, data } = evaluateFilters([program], { nr: syscallNumber("getpid")!, args: [] });
 * console.log(action, data); // errno 1
 * ```
 */
export function evaluateFilters(
  programs: readonly Uint8Array<ArrayBuffer>[],
  call: FilteredCall,
): FilterAnswer {
  return filterEvaluator(programs)(call);
}

/**
 * The same as {@linkcode evaluateFilters}, for many calls: the programs are decoded and checked
 * once.
 *
 * @throws {Error} If the kernel would not install one of the programs. The returned function throws
 * a `RangeError` if a call has more than six arguments.
 */
export function filterEvaluator(
  programs: readonly Uint8Array<ArrayBuffer>[],
): (call: FilteredCall) => FilterAnswer {
  const filters = programs.map(checkedFilter);
  return (call) => answer(filters, callData(call));
}

function answer(
  filters: readonly (readonly BpfInstruction[])[],
  { bytes, isAssumed }: CallData,
): FilterAnswer {
  const assumed = new Set<string>();
  const read = (offset: number) => {
    if (isAssumed(offset)) assumed.add(callDataField(offset)!);
    return bytes.getUint32(offset, true);
  };
  let decided: Result & { readonly program: number } = {
    value: SECCOMP_RET_ALLOW,
    program: -1,
    instruction: -1,
  };
  for (let program = filters.length - 1; program >= 0; program--) {
    const result = run(filters[program], read);
    if (decided.program === -1 || rank(result.value) < rank(decided.value)) {
      decided = { ...result, program };
    }
  }
  const action = ACTIONS.get(rank(decided.value) >>> 0) ?? "kill-process";
  const data = decided.value & SECCOMP_RET_DATA;
  return {
    action,
    data: action === "errno" ? Math.min(data, MAX_ERRNO) : data,
    ...decided,
    assumed: [...assumed],
  };
}
