import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  assemble,
  AUDIT_ARCH,
  bpfJumpEqual,
  bpfLoad,
  bpfReturn,
  type CallPattern,
  compileFilter,
  type FilteredCall,
  filterEvaluator,
  intIs,
  type KnownBits,
  passageFinder,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_USER_NOTIF,
  syscallNumber,
} from "../../../ffi/mod.ts";
import { computations, moves } from "./edge_filters.ts";
import type { Case } from "./kernel_answers.ts";
import { randomCases } from "./random_filters.ts";

const arch = AUDIT_ARCH[Deno.build.arch];
const LONG = 0xffff_ffff_ffff_ffffn;
const PASSING = ["allow", "log", "trace", "notify"];

/** A pattern that a call matches: these bits of its arguments, and its number, are known. */
function patternOf({ nr, args }: FilteredCall, known: (i: number) => bigint): CallPattern {
  const bits = (arg: bigint, i: number): KnownBits => ({
    known: known(i),
    value: BigInt.asUintN(64, arg) & known(i),
  });
  return { nr, arch, args: args.map(bits) };
}

/** Cases whose programs the kernel would install, with what decides on a call. */
const valid = (cases: readonly Case[]) =>
  cases.flatMap(({ programs, calls }) => {
    try {
      return [{ evaluate: filterEvaluator(programs), mayPass: passageFinder(programs), calls }];
    } catch {
      return [];
    }
  });

const cases = valid([...randomCases(20260202, 1500), ...computations(), ...moves()]);

Deno.test("passageFinder() agrees with evaluateFilters() on a call of which everything is known", () => {
  const found = { passing: 0, refused: 0 };
  for (const { evaluate, mayPass, calls } of cases) {
    for (const call of calls) {
      const { action, assumed } = evaluate(call);
      if (assumed.length > 0) continue;
      const isPassing = PASSING.includes(action);
      assertEquals(mayPass(patternOf(call, () => LONG)), isPassing, `${call.nr} ${call.args}`);
      found[isPassing ? "passing" : "refused"]++;
    }
  }
  assert(found.passing > 100 && found.refused > 1000, JSON.stringify(found));
});

Deno.test("passageFinder() says of no call that passes that none of its kind may pass", () => {
  let refused = 0;
  const masks = [0n, LONG, 0xffffffffn, 0xffff_ffff_0000_0000n, 0xff00ff00ff00ff00n];
  for (const [at, { evaluate, mayPass, calls }] of cases.entries()) {
    for (const call of calls) {
      const isPassing = PASSING.includes(evaluate(call).action);
      const may = mayPass(patternOf(call, (i) => masks[(at + i) % masks.length]));
      assert(may || !isPassing, `${call.nr} ${call.args}`);
      if (!may) refused++;
    }
  }
  assert(refused > 100, `${refused}`);
});

const WRITE = syscallNumber("write")!;
const anyWrite: CallPattern = { nr: WRITE, arch, args: [] };

Deno.test("passageFinder() finds the one value that opens a filter, and no way where there is none", () => {
  const opened = (...values: number[]) =>
    compileFilter({
      rules: values.map((value) => ({
        syscall: "write",
        action: "allow",
        when: [intIs(2, value)],
        reason: "a test",
      })),
      otherwise: { action: "EPERM", reason: "a test" },
    });
  assertEquals(passageFinder([opened(7)])(anyWrite), true);
  assertEquals(passageFinder([opened()])(anyWrite), false);
  const known = (value: bigint): KnownBits => ({ known: 0xffffffffn, value });
  const withLength = (value: bigint): CallPattern => ({
    ...anyWrite,
    args: [known(1n), known(1n), known(value)],
  });
  const mayPass = passageFinder([opened(7, 9)]);
  assertEquals([mayPass(withLength(9n)), mayPass(withLength(8n))], [true, false]);
});

Deno.test("passageFinder() takes a filter for closed only if each of its results refuses", () => {
  const returning = (value: number) => assemble([bpfReturn(value)]);
  const results: [value: number, may: boolean][] = [
    [SECCOMP_RET_ALLOW, true],
    [SECCOMP_RET_TRACE, true],
    [SECCOMP_RET_USER_NOTIF, true],
    [SECCOMP_RET_ERRNO, false],
    [0, false],
    [0x80000000, false],
    [0x12345678, false], // no action: it kills
  ];
  for (const [value, may] of results) {
    assertEquals(passageFinder([returning(value)])(anyWrite), may, value.toString(16));
    assertEquals(passageFinder([returning(SECCOMP_RET_ALLOW), returning(0)])(anyWrite), false);
  }
});

Deno.test("passageFinder() gives up on a filter with too many ways, and says that a call may pass", () => {
  // Each comparison with a word of its own doubles the ways; memory keeps them apart.
  const forks = Array.from({ length: 20 }, (_, i) => [
    bpfLoad(16 + 4 * (i % 12)),
    bpfJumpEqual(i, 0, 2),
    { code: 0, jt: 0, jf: 0, k: 1 << i }, // ld #k
    { code: 2, jt: 0, jf: 0, k: i % 16 }, // st M[i]
  ]).flat();
  const program = assemble([
    ...Array.from({ length: 16 }, (_, i) => ({ code: 2, jt: 0, jf: 0, k: i })),
    ...forks,
    bpfReturn(SECCOMP_RET_ERRNO | 1),
  ]);
  const began = performance.now();
  assertEquals(passageFinder([program])(anyWrite), true);
  assert(performance.now() - began < 5000);
});

Deno.test("passageFinder() says that a call may pass once the budget is used up", () => {
  const budget = { steps: 3 };
  const mayPass = passageFinder([assemble([bpfLoad(0), bpfReturn(0)])], budget);
  assertEquals([mayPass(anyWrite), mayPass(anyWrite)], [false, true]);
});

Deno.test("passageFinder() throws for a program that the kernel would not install", () => {
  assertThrows(() => passageFinder([new Uint8Array(8)]), Error);
});
