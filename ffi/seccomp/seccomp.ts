/**
 * Policies for system calls, as tables that a reviewer can read, compiled to seccomp(2) filters.
 *
 * A policy is a list of rules and a default action. The rules of a system call are tried in the
 * order of the list; the first whose conditions hold decides. The compiled program:
 *
 *     if arch != the architecture        kill the process: numbers differ there
 *     if nr >= 0x40000000 (x86_64)       EPERM: x32 numbers, a second name for each call
 *     if nr == the first system call     { its rules, one after another; otherwise }
 *     if nr == the second …              { … }
 *     otherwise
 *
 * Every block ends in returns, so a jump spans at most one block, which must have fewer than 256
 * instructions; the length of the program does not matter to any jump. Trying block after block
 * costs nothing for a call that is allowed with any arguments: the kernel determines that once, and
 * does not run the program (`seccomp_cache_prepare` in kernel/seccomp.c).
 *
 * A filter must get two things right:
 *
 * - The width of an argument. It is a 64-bit register, of which the kernel uses the low 32 bits for
 *   an `int`. A rule that compared all 64 bits with descriptor 5 would let 0x1_0000_0005 pass,
 *   which is descriptor 5; and a rule that compared 32 bits of a pointer would take 0x1_0000_0000
 *   for NULL. So a condition states the width: {@linkcode intIs} or {@linkcode longIs}.
 * - A filter cannot read memory that a pointer refers to: neither paths nor structures.
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

/**
 * The action for a system call: it is allowed, the process is killed, or the call fails with that
 * errno.
 */
export type SyscallAction = "allow" | "kill" | keyof typeof Errno;

/** A condition on an argument: `(argument & mask) === value`. */
export interface SyscallCondition {
  /** The index of the argument, from 0. */
  readonly argument: number;
  /** The bits to compare. */
  readonly mask: bigint;
  /** The required value of these bits. */
  readonly value: bigint;
}

/** The action for one system call, and its reason. */
export interface SyscallRule {
  /** The system call. */
  readonly syscall: SyscallName;
  /** The action. */
  readonly action: SyscallAction;
  /** The rule applies if all of these hold; always, if there are none. */
  readonly when?: readonly SyscallCondition[];
  /** The reason, for the reader of the policy and of a refusal. */
  readonly reason: string;
}

/** A policy for the system calls of a process. */
export interface SyscallPolicy {
  /** The rules; the first that applies decides. */
  readonly rules: readonly SyscallRule[];
  /** The default, if no rule applies. */
  readonly otherwise: { readonly action: SyscallAction; readonly reason: string };
}

const INT = 0xffff_ffffn;
const LONG = 0xffff_ffff_ffff_ffffn;

/**
 * A condition on an argument that C declares as `int` or `unsigned int` (a descriptor, a command,
 * flags): of its low 32 bits, which the kernel uses, those in `mask` equal `value`.
 */
export function intIs(argument: number, value: number, mask = 0xffffffff): SyscallCondition {
  return { argument, mask: BigInt(mask) & INT, value: BigInt(value) & INT };
}

/**
 * A condition on an argument that C declares as `long` or a pointer: of its 64 bits, those in
 * `mask` equal `value`.
 */
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

/**
 * The instructions of a rule: its conditions, each of which jumps past the rule if it does not
 * hold, and then its action.
 */
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
 * Compiles a policy to a program for {@linkcode installFilter}. Rules for calls that the
 * architecture does not have are skipped.
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
 * @throws {TypeError} If a rule can never decide: an earlier rule covers every call of that name,
 * or a condition contradicts its mask.
 * @throws {RangeError} If a system call has too many rules for a block, or the policy is too long
 * for a program.
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

/** Checks that each rule can decide. Returns whether the last rule always does. */
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
 * Installs a filter on every thread of the process, and on all threads started later. It cannot be
 * removed, only added to.
 *
 * Wraps seccomp(2), `SECCOMP_SET_MODE_FILTER` with `SECCOMP_FILTER_FLAG_TSYNC`, after prctl(2),
 * `PR_SET_NO_NEW_PRIVS`, without which the kernel requires CAP_SYS_ADMIN. prctl affects the calling
 * thread alone; the flag carries the filter *and* no_new_privs to the others.
 *
 * @param program As {@linkcode compileFilter} returns it.
 * @throws {SystemError} `EINVAL` (an invalid program, or a kernel without filters), `EPERM`,
 * `ENOMEM`.
 * @throws {Error} If a thread has a filter of its own, to which the new one cannot be added. The
 * filter is then on no thread.
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
  // seccomp(2): "if synchronization fails, the return value is the ID of the thread that caused the
  // failure".
  if (result > 0) throw new Error(`Thread ${result} has a system call filter of its own`);
}

function describe({ argument, mask, value }: SyscallCondition): string {
  const masked = mask === INT || mask === LONG ? "" : ` & 0x${mask.toString(16)}`;
  return `argument ${argument}${masked} is ${masked === "" ? value : `0x${value.toString(16)}`}`;
}

/**
 * Explains in a sentence why a policy refuses a system call, and names the rule.
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
 * @param args The arguments that matter; omitted ones count as 0.
 * @returns `undefined` if the policy allows the call.
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
