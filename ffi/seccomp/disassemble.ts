/**
 * Filters of system calls as text.
 *
 * @module
 */

import {
  BPF_A,
  BPF_ABS,
  BPF_ALU,
  BPF_JEQ,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LEN,
  BPF_MISC,
  BPF_RET,
  BPF_TXA,
  BPF_W,
} from "../abi/constants.ts";
import { type Architecture, AUDIT_ARCH } from "../abi/syscalls.ts";
import { nameOfSyscall } from "../abi/syscall_names.ts";
import type { BpfInstruction } from "../packet/bpf.ts";
import { bpfClass } from "../packet/bpf_code.ts";
import { eitherOf, flow, type Knowledge, type Values } from "../packet/bpf_flow.ts";
import { bpfImage, bytesLeft, decodeAny, remarked } from "../packet/bpf_image.ts";
import { filterResult } from "./actions.ts";
import { callDataField } from "./call_data.ts";

/** What is known before an instruction. */
interface Known {
  /** The word of the call in the accumulator. */
  readonly a: string | undefined;
  /** The architecture of the call. */
  readonly arch: Values;
}

const LOAD = BPF_LD | BPF_W | BPF_ABS, EQUAL = BPF_JMP | BPF_JEQ | BPF_K;

/** Architectures by `AUDIT_ARCH_…`. Source: linux/audit.h. */
const ARCHITECTURES = new Map<number, string>([
  ...Object.entries(AUDIT_ARCH).map(([name, value]): [number, string] => [value, name]),
  [0x40000003, "i386"],
  [0x40000028, "arm"],
  [0xc00000f3, "riscv64"],
  [0xc0000015, "ppc64le"],
  [0x80000016, "s390x"],
]);

const isOurs = (name: string | undefined): name is Architecture =>
  name !== undefined && Object.hasOwn(AUDIT_ARCH, name);

const KNOWLEDGE: Knowledge<Known> = {
  start: { a: undefined, arch: undefined },
  after({ code, k }, known, holds) {
    if (code === LOAD) return { ...known, a: callDataField(k) };
    if (code === EQUAL && holds && known.a === "arch") return { ...known, arch: new Set([k]) };
    const changesA = bpfClass(code) === BPF_LD || bpfClass(code) === BPF_ALU ||
      code === (BPF_MISC | BPF_TXA);
    return changesA ? { ...known, a: undefined } : known;
  },
  either: (one, other) => ({
    a: one.a === other.a ? one.a : undefined,
    arch: eitherOf(one.arch, other.arch),
  }),
};

/** The name of a system call. Without a comparison of `arch` it is one of this machine. */
function callName(number: number, arch: Values): string | undefined {
  if (arch === undefined) return nameOfSyscall(number);
  const names = [...arch].map((each) => {
    const architecture = ARCHITECTURES.get(each);
    return isOurs(architecture) ? nameOfSyscall(number, architecture) : undefined;
  });
  return names.every((name) => name === names[0]) ? names[0] : undefined;
}

function operand({ code, k }: BpfInstruction): string | undefined {
  switch (code) {
    case LOAD:
      return callDataField(k);
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
      return "#sizeof(seccomp_data)";
    case BPF_RET | BPF_K:
      return filterResult(k);
    case BPF_RET | BPF_A:
      return "a";
    default:
      return undefined;
  }
}

function remark({ code, k }: BpfInstruction, { a, arch }: Known): string | undefined {
  if (code !== EQUAL) return undefined;
  if (a === "nr") return callName(k, arch);
  return a === "arch" ? ARCHITECTURES.get(k) : undefined;
}

/**
 * A filter of system calls as text, one instruction a line: in the form of `tcpdump -d`, with the
 * words of `seccomp_data` and the results by name, and after `  ; ` the names of system calls and
 * architectures. Instructions that no path reaches are marked.
 *
 * The program may be anything; instructions that do not exist read `unimp`. At most 4096 are shown.
 *
 * @param program Such as {@linkcode readInstalledFilters} returns.
 *
 * @example
 * ```ts
 * import { compileFilter, disassembleSyscallFilter } from "../mod.ts";
 *
 * const program = compileFilter({
 *   rules: [{ syscall: "socket", action: "EPERM", reason: "an example" }],
 *   otherwise: { action: "allow", reason: "an example" },
 * }, "aarch64");
 * // (000) ld       arch
 * // (001) jeq      #0xc00000b7      jt 3  jf 2     ; aarch64
 * // (002) ret      KILL_PROCESS
 * // (003) ld       nr
 * // (004) jeq      #0xc6            jt 5  jf 6     ; socket
 * // (005) ret      ERRNO(EPERM)
 * // (006) ret      ALLOW
 * console.log(disassembleSyscallFilter(program).join("\n"));
 * ```
 */
export function disassembleSyscallFilter(program: Uint8Array<ArrayBuffer>): string[] {
  const { instructions, left } = decodeAny(program);
  const known = flow(instructions, KNOWLEDGE);
  const lines = instructions.map((instruction, at) => {
    const before = known[at];
    const words = before === undefined ? "never reached" : remark(instruction, before);
    return remarked(bpfImage(instruction, at, operand(instruction)), words);
  });
  return [...lines, ...bytesLeft(left)];
}
