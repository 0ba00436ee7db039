import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  assemble,
  bpfJumpEqual,
  bpfLoad,
  bpfReturn,
  callDataField,
  compileFilter,
  evaluateFilters,
  type FilterAction,
  filterEvaluator,
  intIs,
  longIs,
  SECCOMP_RET_ALLOW,
  type SyscallPolicy,
} from "../../../ffi/mod.ts";
import { calls, interpret } from "../../support/cbpf.ts";
import { testNeeding } from "../../support/needs.ts";
import { codes, computations, moves } from "./edge_filters.ts";
import { compareWithKernel } from "./kernel_answers.ts";
import { randomCases } from "./random_filters.ts";

const cc = { programs: { cc: "gcc" } };

testNeeding(
  cc,
  "evaluateFilters() agrees with the kernel over random stacks of filters, valid or not",
  async () => {
    const kinds = await compareWithKernel(randomCases(20260101, 200));
    for (
      const kind of ["refused", "allowed", "errno", "trap", "kill-thread", "kill-process"]
    ) assert(kinds.get(kind)! >= 5, `${kind}: ${kinds.get(kind)}`);
  },
);

testNeeding(
  cc,
  "evaluateFilters() computes, compares and moves what the kernel does",
  async () => {
    const kinds = await compareWithKernel([...computations(), ...moves()]);
    assert(kinds.get("trap")! > 1000);
    assert(kinds.get("kill-thread")! > 10); // divisions by 0
  },
);

testNeeding(cc, "evaluateFilters() refuses the instructions that the kernel refuses", async () => {
  const kinds = await compareWithKernel(codes());
  assert(kinds.get("refused")! > 1000);
  assert(kinds.get("allowed")! > 200);
});

const returning = (...values: number[]) => values.map((value) => assemble([bpfReturn(value)]));
const CALL = { nr: 1, args: [] };

Deno.test("evaluateFilters() knows every action", () => {
  const actions: [value: number, action: FilterAction, data: number][] = [
    [0x80000000, "kill-process", 0],
    [0x00000000, "kill-thread", 0],
    [0x00030007, "trap", 7],
    [0x00050001, "errno", 1],
    [0x00050fff, "errno", 4095],
    [0x0005ffff, "errno", 4095],
    [0x00050000, "errno", 0],
    [0x7fc00000, "notify", 0],
    [0x7ff00003, "trace", 3],
    [0x7ffc0000, "log", 0],
    [0x7fff0000, "allow", 0],
    [0x7ffe0000, "kill-process", 0],
    [0x00040000, "kill-process", 0],
    [0xffff0000, "kill-process", 0],
  ];
  for (const [value, action, data] of actions) {
    assertEquals(evaluateFilters(returning(value), CALL), {
      action,
      data,
      value,
      program: 0,
      instruction: 0,
      assumed: [],
    });
  }
});

Deno.test("evaluateFilters() takes the most restrictive action, of equal ones the newest", () => {
  const restrictive = [
    0x80000000,
    0x00000000,
    0x00030000,
    0x00050000,
    0x7fc00000,
    0x7ff00000,
    0x7ffc0000,
    0x7fff0000,
  ];
  for (const [i, more] of restrictive.entries()) {
    for (const less of restrictive.slice(i + 1)) {
      assertEquals(evaluateFilters(returning(less, more, less), CALL).program, 1);
      assertEquals(evaluateFilters(returning(more, less), CALL).program, 0);
    }
    const { program, data } = evaluateFilters(returning(more + 2, more + 1), CALL);
    assertEquals([program, data], [1, 1]);
  }
});

Deno.test("evaluateFilters() allows everything without a filter", () => {
  assertEquals(evaluateFilters([], CALL), {
    action: "allow",
    data: 0,
    value: SECCOMP_RET_ALLOW,
    program: -1,
    instruction: -1,
    assumed: [],
  });
});

Deno.test("evaluateFilters() names what decides and is not known", () => {
  const looksAt = (offset: number) =>
    assemble([bpfLoad(offset), bpfJumpEqual(1, 0, 1), bpfReturn(0x50001), bpfReturn(0x7fff0000)]);
  const assumed = (offset: number, args: bigint[], instructionPointer?: bigint) =>
    evaluateFilters([looksAt(offset)], {
      nr: 1,
      args,
      ...instructionPointer === undefined ? {} : { instructionPointer },
    }).assumed;
  assertEquals(assumed(0, []), []);
  assertEquals(assumed(4, []), []);
  assertEquals(assumed(8, [0n]), ["instruction_pointer low"]);
  assertEquals(assumed(12, [0n]), ["instruction_pointer high"]);
  assertEquals(assumed(12, [0n], 0n), []);
  assertEquals(assumed(16, []), ["args[0] low"]);
  assertEquals(assumed(20, [0n]), []);
  assertEquals(assumed(28, [0n]), ["args[1] high"]);
  assertEquals(assumed(60, [0n, 0n, 0n, 0n, 0n]), ["args[5] high"]);
  assertEquals(assumed(60, [0n, 0n, 0n, 0n, 0n, 0n]), []);
});

Deno.test("evaluateFilters() throws RangeError for a seventh argument", () => {
  const args = new Array<bigint>(7).fill(0n);
  assertThrows(() => evaluateFilters([], { nr: 1, args }), RangeError, "6 arguments at most");
});

Deno.test("callDataField() names the words of a call, and nothing else", () => {
  assertEquals([0, 4, 8, 12, 16, 36, 60].map(callDataField), [
    "nr",
    "arch",
    "instruction_pointer low",
    "instruction_pointer high",
    "args[0] low",
    "args[2] high",
    "args[5] high",
  ]);
  assertEquals(
    [-4, 1, 18, 64, 0xfffff000, NaN, 0.5].filter((offset) => callDataField(offset) !== undefined),
    [],
  );
});

/** Some of every kind of rule. */
const POLICY: SyscallPolicy = {
  rules: [
    { syscall: "write", action: "EPERM", when: [intIs(0, 5)], reason: "a test" },
    { syscall: "write", action: "allow", reason: "a test" },
    { syscall: "mmap", action: "allow", when: [longIs(5, 0x1234_5678_9abc_def0n)], reason: "" },
    { syscall: "clone", action: "kill", when: [longIs(0, 1n << 40n, 3n << 40n)], reason: "" },
    { syscall: "clone3", action: "ENOSYS", reason: "a test" },
  ],
  otherwise: { action: "EPERM", reason: "a test" },
};

for (const architecture of ["x86_64", "aarch64"] as const) {
  Deno.test(`evaluateFilters() agrees with a second interpreter, ${architecture}`, () => {
    const program = compileFilter(POLICY, architecture);
    const answerTo = filterEvaluator([program]);
    let count = 0;
    for (const call of calls(POLICY, architecture)) {
      count++;
      assertEquals(answerTo(call).value, interpret(program, call));
    }
    assert(count > 1000);
  });
}
