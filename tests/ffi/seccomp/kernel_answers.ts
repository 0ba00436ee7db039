/**
 * Compares the interpreter of filters with the kernel.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  BPF_LD,
  type BpfInstruction,
  bpfJumpAtLeast,
  bpfJumpEqual,
  bpfLoad,
  bpfReturn,
  disassembleSyscallFilter,
  Errno,
  type FilterAnswer,
  type FilteredCall,
  filterEvaluator,
  SECCOMP_RET_ALLOW,
  syscallNumber,
} from "../../../ffi/mod.ts";
import { runProgram } from "../../support/programs.ts";
import { withCompiled } from "../talking.ts";

/** The first number that no kernel has. */
export const UNASSIGNED = 10_000;
export const GETPID = syscallNumber("getpid")!, GETPPID = syscallNumber("getppid")!;

/** A stack of filters, the oldest first, and calls under it. */
export interface Case {
  readonly programs: readonly Uint8Array<ArrayBuffer>[];
  readonly calls: readonly FilteredCall[];
}

/**
 * The beginning of every filter here: it allows every call but getpid, getppid, and numbers that
 * the kernel does not have, and leaves the registers as they were.
 */
export const OTHERS_ALLOWED: readonly BpfInstruction[] = [
  bpfLoad(0),
  bpfJumpEqual(GETPID, 3, 0),
  bpfJumpEqual(GETPPID, 2, 0),
  bpfJumpAtLeast(UNASSIGNED, 1, 0),
  bpfReturn(SECCOMP_RET_ALLOW),
  { code: BPF_LD, jt: 0, jf: 0, k: 0 },
];

/** A case as `filter_answers.c` reads it. */
function encode({ programs, calls }: Case): number[] {
  const words = (bytes: Uint8Array<ArrayBuffer>) =>
    new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  return [
    programs.length,
    ...programs.flatMap((program) => [program.length / 8, ...words(program)]),
    calls.length,
    ...calls.flatMap(({ nr, args }) => [
      nr >>> 0,
      ...args.flatMap((arg) => [Number(arg & 0xffffffffn), Number(arg >> 32n)]),
    ]),
  ];
}

/** What `filter_answers.c` prints for an answer to a call. */
function printed({ action, data }: FilterAnswer, { nr }: FilteredCall): string {
  switch (action) {
    case "allow":
    case "log":
      return nr === GETPID || nr === GETPPID ? "allowed" : `errno ${Errno.ENOSYS}`;
    case "trace": // there is neither a tracer
    case "notify": // nor a listener
      return `errno ${Errno.ENOSYS}`;
    case "errno":
    case "trap":
      return `${action} ${data}`;
    default:
      return action;
  }
}

/** What the interpreter says of each call of a case. */
function interpreted({ programs, calls }: Case, instructionPointer: bigint): string[] {
  let answerTo;
  try {
    answerTo = filterEvaluator(programs);
  } catch {
    return calls.map(() => "refused");
  }
  const answers = calls.map((call) => answerTo({ ...call, instructionPointer }));
  return answers.map((answer, i) => printed(answer, calls[i]));
}

/** A case for the reader of a failure. */
function inWords({ programs, calls }: Case, index: number): string {
  const args = calls.map(({ nr, args }) => `${nr}(${args.join(", ")})`).join("; ");
  return [`case ${index}: ${args}`, ...programs.flatMap(disassembleSyscallFilter)].join("\n");
}

/**
 * Compares the interpreter with the kernel.
 *
 * @returns How often there was each kind of answer.
 * @throws {AssertionError} If they differ over a case.
 */
export async function compareWithKernel(cases: readonly Case[]): Promise<Map<string, number>> {
  const file = await Deno.makeTempFile();
  let lines: string[] = [];
  try {
    await Deno.writeFile(file, new Uint8Array(Uint32Array.from(cases.flatMap(encode)).buffer));
    await withCompiled("filter_answers.c", async (program) => {
      const { code, stdout, stderr } = await runProgram(program, [file]);
      assertEquals({ code, stderr }, { code: 0, stderr: "" });
      lines = stdout.trimEnd().split("\n");
    });
  } finally {
    await Deno.remove(file);
  }
  const [address, ...answers] = lines;
  const kinds = new Map<string, number>();
  for (const [i, each] of cases.entries()) {
    const found = answers.splice(0, each.calls.length);
    assertEquals(interpreted(each, BigInt(address)), found, inWords(each, i));
    for (const line of found) {
      const kind = line.split(" ")[0];
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
  }
  assertEquals(answers, []);
  return kinds;
}
