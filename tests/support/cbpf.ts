/**
 * A second implementation of seccomp filters: an interpreter of their bytes, and the meaning of a
 * policy without any bytes. Neither uses the compiler in `ffi/seccomp/seccomp.ts` and
 * `ffi/packet/bpf.ts`; only the numbers of the system calls come from the same table.
 *
 * @module
 */

import {
  Errno,
  type SyscallCondition,
  type SyscallName,
  type SyscallPolicy,
  SYSCALLS,
} from "../../ffi/mod.ts";

/** A system call as a filter sees it. */
export interface Call {
  readonly arch: number;
  readonly nr: number;
  readonly args: readonly bigint[];
}

/** The kernel's numbers of the architectures, written out again. Source: linux/audit.h. */
export const ARCH = { x86_64: 0xc000003e, aarch64: 0xc00000b7, i386: 0x40000003 } as const;

const ALLOW = 0x7fff0000, ERRNO = 0x00050000, KILL = 0x80000000;

/**
 * Runs a filter over a system call, and returns the filter's result. An instruction has 8 bytes:
 * code, jt, jf, k. Source: Documentation/networking/filter.rst.
 *
 * @throws {Error} If the filter is not valid.
 */
export function interpret(program: Uint8Array<ArrayBuffer>, { arch, nr, args }: Call): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, nr, true);
  data.setUint32(4, arch, true);
  args.forEach((arg, i) => data.setBigUint64(16 + 8 * i, arg, true));
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  let a = 0;
  for (let pc = 0; pc < program.length / 8; pc++) {
    const k = code.getUint32(pc * 8 + 4, true);
    const jump = (holds: boolean) => code.getUint8(pc * 8 + (holds ? 2 : 3));
    switch (code.getUint16(pc * 8, true)) {
      case 0x20: // ld [k]
        if (k % 4 !== 0) throw new Error(`Instruction ${pc} loads from ${k}`);
        a = data.getUint32(k, true);
        break;
      case 0x54: // and #k
        a = (a & k) >>> 0;
        break;
      case 0x15: // jeq #k, jt, jf
        pc += jump(a === k);
        break;
      case 0x35: // jge #k, jt, jf
        pc += jump(a >= k);
        break;
      case 0x06: // ret #k
        return k;
      default:
        throw new Error(`Instruction ${pc} is not known`);
    }
  }
  throw new Error("The program has no end");
}

/** The names of the system calls by number. */
function names(architecture: "x86_64" | "aarch64"): Map<number, SyscallName> {
  const column = architecture === "x86_64" ? 0 : 1;
  const table = Object.entries(SYSCALLS) as [SyscallName, readonly (number | null)[]][];
  return new Map(table.flatMap(([name, numbers]) => {
    const number = numbers[column];
    return number === null ? [] : [[number, name]];
  }));
}

const NAMES = { x86_64: names("x86_64"), aarch64: names("aarch64") };

/** The result that a filter for a policy must return for a system call. */
export function meaning(
  { rules, otherwise }: SyscallPolicy,
  architecture: "x86_64" | "aarch64",
  { arch, nr, args }: Call,
): number {
  if (arch !== ARCH[architecture]) return KILL;
  if (architecture === "x86_64" && nr >= 0x40000000) return ERRNO + 1;
  const name = NAMES[architecture].get(nr);
  const { action } = rules.find(({ syscall, when }) =>
    syscall === name &&
    (when ?? []).every(({ argument, mask, value }) => (args[argument] & mask) === value)
  ) ?? otherwise;
  if (action === "allow") return ALLOW;
  return action === "kill" ? KILL : ERRNO + Errno[action];
}

const LONG = (1n << 64n) - 1n;

/**
 * Values of an argument that a filter might confuse with that of a condition: neighbours, each bit
 * flipped, and changes in the high word.
 */
function near({ mask, value }: SyscallCondition): bigint[] {
  const neighbours = [value, value + 1n, value - 1n, value | ~mask, ~value];
  const bits = Array.from({ length: 64 }, (_, bit) => value ^ (1n << BigInt(bit)));
  return [...neighbours, ...neighbours.map((each) => each | (0xffffffffn << 32n)), ...bits]
    .map((each) => each & LONG);
}

/**
 * The arguments that matter to the rules for a system call: each argument near each condition, the
 * others 0 or all ones.
 */
export function interesting(policy: SyscallPolicy, name: SyscallName | undefined): bigint[][] {
  const conditions = policy.rules.filter(({ syscall }) => syscall === name)
    .flatMap(({ when }) => when ?? []);
  const bases = [0n, LONG].map((each) => new Array<bigint>(6).fill(each));
  // Arguments that satisfy all conditions of a rule at once.
  for (const { syscall, when = [] } of policy.rules) {
    if (syscall !== name || when.length === 0) continue;
    const satisfying = new Array<bigint>(6).fill(LONG);
    for (const { argument, mask } of when) satisfying[argument] &= ~mask;
    for (const { argument, value } of when) satisfying[argument] |= value;
    bases.push(satisfying);
  }
  const changed = bases.flatMap((base) =>
    conditions.flatMap((condition) =>
      near(condition).map((value) => base.with(condition.argument, value))
    )
  );
  return [...bases, ...changed];
}

/**
 * Every interesting call on an architecture: each number up to 600 (and the same for x32), with the
 * arguments that matter to it.
 */
export function* calls(
  policy: SyscallPolicy,
  architecture: "x86_64" | "aarch64",
): Generator<Call> {
  for (let nr = 0; nr <= 600; nr++) {
    for (const args of interesting(policy, NAMES[architecture].get(nr))) {
      yield { arch: ARCH[architecture], nr, args };
    }
  }
}

/** A call in words. */
export function inWords(architecture: "x86_64" | "aarch64", { nr, args }: Call): string {
  const name = NAMES[architecture].get(nr) ?? `number ${nr}`;
  return `${name}(${args.map((arg) => `0x${arg.toString(16)}`).join(", ")})`;
}
