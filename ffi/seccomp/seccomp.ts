/**
 * seccomp(2): a policy of system calls as a table that a reviewer can read, compiled to the program that the kernel runs.
 *
 * A policy is a list of rules and what happens otherwise. For each system call its rules are tried in the order of the list; the first
 * whose conditions hold decides. What is compiled:
 *
 *     if arch != the architecture        kill the process: numbers mean something else there
 *     if nr >= 0x40000000 (x86_64)       EPERM: x32 numbers, a second name for each call
 *     if nr == the first system call     { its rules, one after another; otherwise }
 *     if nr == the second …              { … }
 *     otherwise
 *
 * A block is left by a return only, so a jump spans at most one block, which must have fewer than 256 instructions; how long
 * the program is does not matter to any jump. That the blocks are tried one after another costs nothing where a call is allowed whatever its
 * arguments are: the kernel works that out once and does not run the program (`seccomp_cache_prepare` in kernel/seccomp.c).
 *
 * Two things that a filter must not get wrong:
 *
 * - The width of an argument. It is a register of 64 bits, of which the kernel takes the low 32 for an `int`. A rule that refused
 *   descriptor 5 by all 64 bits would let 0x1_0000_0005 pass, which is descriptor 5; and one that looked at 32 bits of a pointer
 *   would take 0x1_0000_0000 for NULL. So a condition says which it is: {@linkcode intIs} or {@linkcode longIs}.
 * - What a pointer points to cannot be looked at: neither paths nor structures.
 *
 * @module
 */

import {
  assemble,
  bpfAnd,
  type BpfInstruction,
  bpfJumpAtLeast,
  bpfJumpEqual,
  bpfLoad,
  bpfProgram,
  bpfReturn,
} from "../packet/bpf.ts";
import {
  PR_SET_NO_NEW_PRIVS,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_SET_MODE_FILTER,
} from "../abi/constants.ts";
import { check, Errno } from "../abi/errno.ts";
import { seccomp_data } from "../abi/layouts.ts";
import { libc } from "../abi/libc.ts";
import { addressOf } from "../abi/struct.ts";
import { type Architecture, AUDIT_ARCH, type SyscallName, syscallNumber } from "../abi/syscalls.ts";

/** What is done about a system call: it is made, the process is killed, or it fails with that errno without being made. */
export type SyscallAction = "allow" | "kill" | keyof typeof Errno;

/** What must hold of an argument: `(argument & mask) === value`. */
export interface SyscallCondition {
  /** 0 for the first. */
  readonly argument: number;
  /** Which of its 64 bits are looked at. */
  readonly mask: bigint;
  /** What these must be. */
  readonly value: bigint;
}

/** What is done about one system call, and why. */
export interface SyscallRule {
  /** Which one. */
  readonly syscall: SyscallName;
  /** What is done about it. */
  readonly action: SyscallAction;
  /** The rule is for calls for which all of these hold; for every call, if there are none. */
  readonly when?: readonly SyscallCondition[];
  /** Why. */
  readonly reason: string;
}

/** What a process may ask of the kernel. */
export interface SyscallPolicy {
  /** The first that fits decides. */
  readonly rules: readonly SyscallRule[];
  /** For whatever no rule is for. */
  readonly otherwise: { readonly action: SyscallAction; readonly reason: string };
}

const INT = 0xffff_ffffn;
const LONG = 0xffff_ffff_ffff_ffffn;

/**
 * An argument that C declares as an `int` or `unsigned int` (a descriptor, a command, flags): its low 32 bits, as the kernel takes them,
 * are `value`, or those in `mask` are.
 */
export function intIs(argument: number, value: number, mask = 0xffffffff): SyscallCondition {
  return { argument, mask: BigInt(mask) & INT, value: BigInt(value) & INT };
}

/** An argument that C declares as a `long` or a pointer: all its 64 bits are `value`, or those in `mask` are. */
export function longIs(argument: number, value: bigint, mask = LONG): SyscallCondition {
  return { argument, mask: mask & LONG, value: value & LONG };
}

const NO_X86_64_SYSCALL = 0x40000000; // __X32_SYSCALL_BIT in asm/unistd.h
const ARGS = seccomp_data.fields.args[0];

function returned(action: SyscallAction): BpfInstruction {
  switch (action) {
    case "allow":
      return bpfReturn(SECCOMP_RET_ALLOW);
    case "kill":
      return bpfReturn(SECCOMP_RET_KILL_PROCESS);
    default:
      return bpfReturn(SECCOMP_RET_ERRNO | Errno[action]);
  }
}

/** The program of a rule: its conditions, each of which jumps behind the program if it does not hold; then its action. */
function compileRule({ action, when = [] }: SyscallRule): BpfInstruction[] {
  const program = [returned(action)];
  for (const { argument, mask, value } of when) {
    // Both architectures are little-endian: the low word comes first.
    for (
      const [offset, shift] of [[ARGS + 8 * argument, 0n], [ARGS + 8 * argument + 4, 32n]] as const
    ) {
      const word = (bits: bigint) => Number(bits >> shift & INT);
      if (word(mask) === 0) continue;
      program.unshift(
        bpfLoad(offset),
        ...word(mask) === 0xffffffff ? [] : [bpfAnd(word(mask))],
        bpfJumpEqual(word(value), 0, program.length),
      );
    }
  }
  return program;
}

/**
 * Compiles a policy to a program for {@linkcode installFilter}. A rule for a call that the architecture does not have is passed over.
 *
 * @example
 * ```ts
 * import { compileFilter, intIs } from "../mod.ts";
 *
 * const program = compileFilter({
 *   rules: [
 *     { syscall: "write", action: "allow", when: [intIs(0, 2)], reason: "messages" },
 *     { syscall: "exit_group", action: "allow", reason: "the end" },
 *   ],
 *   otherwise: { action: "EPERM", reason: "nothing else is needed" },
 * });
 * console.assert(program.length % 8 === 0);
 * ```
 *
 * @throws {TypeError} If a rule can never decide: it comes after one for every call of that name, or a condition contradicts its mask.
 * @throws {RangeError} If a system call has too many rules for a block, or all together are too many for a program.
 */
export function compileFilter(
  { rules, otherwise }: SyscallPolicy,
  architecture: Architecture = Deno.build.arch,
): Uint8Array<ArrayBuffer> {
  const program = [
    bpfLoad(seccomp_data.fields.arch[0]),
    bpfJumpEqual(AUDIT_ARCH[architecture], 1, 0),
    returned("kill"),
    bpfLoad(seccomp_data.fields.nr[0]),
  ];
  if (architecture === "x86_64") {
    program.push(bpfJumpAtLeast(NO_X86_64_SYSCALL, 0, 1), returned("EPERM"));
  }
  for (const [syscall, ofSyscall] of Map.groupBy(rules, (rule) => rule.syscall)) {
    const number = syscallNumber(syscall, architecture);
    const isComplete = checkReachable(ofSyscall);
    if (number === null) continue;
    const block = [
      ...ofSyscall.flatMap(compileRule),
      ...isComplete ? [] : [returned(otherwise.action)],
    ];
    program.push(bpfJumpEqual(number, 0, block.length), ...block);
  }
  return assemble([...program, returned(otherwise.action)]);
}

/** Makes sure that each rule can decide. Returns whether the last one does in any case. */
function checkReachable(rules: readonly SyscallRule[]): boolean {
  const conditions = rules.map(({ when = [] }) => when);
  const last = conditions.findIndex((when) => when.length === 0);
  const isContradiction = ({ mask, value }: SyscallCondition) => (value & ~mask) !== 0n;
  if (last !== -1 && last < rules.length - 1 || conditions.flat().some(isContradiction)) {
    throw new TypeError(`A rule for ${rules[0].syscall} can never decide`);
  }
  return last !== -1;
}

/**
 * Puts a filter on every thread of the process, and on those that will ever be started, for good: it can be added to, not taken off.
 *
 * Wraps seccomp(2), `SECCOMP_SET_MODE_FILTER` with `SECCOMP_FILTER_FLAG_TSYNC`, after prctl(2), `PR_SET_NO_NEW_PRIVS`: without
 * that the kernel takes a filter from CAP_SYS_ADMIN only. prctl reaches the calling thread alone; the flag
 * carries the filter *and* no_new_privs to the others.
 *
 * @param program As {@linkcode compileFilter} returns it.
 * @throws {SystemError} `EINVAL` (no valid program, or a kernel without filters), `EPERM`, `ENOMEM`.
 * @throws {Error} If a thread has a filter of its own, which the new one cannot be added to: no thread has got it then.
 */
export function installFilter(program: Uint8Array<ArrayBuffer>): void {
  check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n), "prctl");
  const result = libc.syscall(
    BigInt(syscallNumber("seccomp")!),
    BigInt(SECCOMP_SET_MODE_FILTER),
    BigInt(SECCOMP_FILTER_FLAG_TSYNC),
    addressOf(bpfProgram(program)),
    0n,
    0n,
    0n,
  );
  check(result, "seccomp");
  // seccomp(2): "if synchronization fails, the return value is the ID of the thread that caused the failure".
  if (result > 0) throw new Error(`Thread ${result} has a system call filter of its own`);
}

function describe({ argument, mask, value }: SyscallCondition): string {
  const masked = mask === INT || mask === LONG ? "" : ` & 0x${mask.toString(16)}`;
  return `argument ${argument}${masked} is ${masked === "" ? value : `0x${value.toString(16)}`}`;
}

/**
 * Why a policy refuses a system call, in a sentence that names the rule.
 *
 * @example
 * ```ts
 * import { explainRefusal } from "../mod.ts";
 *
 * const policy = {
 *   rules: [{ syscall: "clone3", action: "ENOSYS", reason: "its flags lie in memory" }],
 *   otherwise: { action: "EPERM", reason: "not needed" },
 * } as const;
 * console.assert(
 *   explainRefusal(policy, "clone3") === "clone3 is refused with ENOSYS: its flags lie in memory",
 * );
 * ```
 *
 * @param args Its arguments as far as they matter; those that are left out are 0.
 * @returns `undefined` if the policy allows it.
 */
export function explainRefusal(
  { rules, otherwise }: SyscallPolicy,
  syscall: string,
  args: readonly (number | bigint)[] = [],
): string | undefined {
  const ofSyscall = rules.filter((rule) => rule.syscall === syscall);
  const { action, reason, when = [] }: Pick<SyscallRule, "action" | "reason" | "when"> =
    ofSyscall.find(({ when = [] }) =>
      when.every(({ argument, mask, value }) => (BigInt(args[argument] ?? 0) & mask) === value)
    ) ?? otherwise;
  if (action === "allow") return undefined;
  const call = [syscall, ...when.map(describe)].join(", ");
  const allowed = ofSyscall.filter((rule) => rule.action === "allow")
    .map(({ when = [], reason }) => `${when.map(describe).join(" and ")} (${reason})`);
  const but = allowed.length === 0 || when.length > 0
    ? ""
    : `; allowed where ${allowed.join(", or ")}`;
  const verb = action === "kill" ? "kills the process" : `is refused with ${action}`;
  return `${call} ${verb}: ${reason}${but}`;
}
