import { assertEquals, assertMatch } from "@std/assert";
import { endOfTests, readTestOutput } from "../../scripts/test_output.ts";

const GOOD = `running 2 tests from ./tests/a_test.ts
adds ... \x1b[0m\x1b[32mok\x1b[0m (1ms)
needs root # SKIP ... ignored (0ms)

ok | 1 passed | 0 failed | 1 ignored (5ms)

`;

const BAD = `running 1 test from ./tests/b_test.ts
subtracts ... FAILED (1ms)

 ERRORS 

subtracts => ./tests/b_test.ts:1:6
error: AssertionError: 1 is not 2

 FAILURES 

subtracts => ./tests/b_test.ts:1:6

FAILED | 3 passed (2 steps) | 1 failed | 4 filtered out (9ms)

error: Test failed
`;

const ENDED = `error ./tests/c_test.ts called \`Deno.exit(3)\` from outside any test.

FAILED | 0 passed | 1 failed (1ms)
`;

const counts = (output: string, isGood: boolean) => {
  const { passed, failed, ignored } = readTestOutput(output, isGood);
  return [passed, failed, ignored];
};

Deno.test("readTestOutput() counts what passed, failed and was ignored", () => {
  assertEquals(counts(GOOD, true), [1, 0, 1]);
  assertEquals(counts(BAD, false), [3, 1, 0]);
  assertEquals(counts(ENDED, false), [0, 1, 0]);
});

Deno.test("readTestOutput() counts a run without a summary, and one with a wrong status, as a failure", () => {
  const cut = "running 2 tests from ./tests/a_test.ts\nadds ... ok (1ms)\n";
  for (const isGood of [true, false]) {
    assertEquals(counts(cut, isGood), [0, 1, 0]);
    assertEquals(readTestOutput(cut, isGood).errors, cut);
  }
  assertEquals(counts(GOOD, false), [1, 1, 1]);
  assertEquals(counts(BAD, true), [3, 2, 0]);
});

Deno.test("readTestOutput() parts the lines of the tests from their errors", () => {
  assertEquals(
    readTestOutput(GOOD, true).lines,
    "running 2 tests from ./tests/a_test.ts\nadds ... ok (1ms)\nneeds root # SKIP ... ignored (0ms)\n\n",
  );
  const { lines, errors } = readTestOutput(BAD, false);
  assertEquals(lines, "running 1 test from ./tests/b_test.ts\nsubtracts ... FAILED (1ms)\n\n");
  assertEquals(
    errors,
    "subtracts => ./tests/b_test.ts:1:6\nerror: AssertionError: 1 is not 2",
  );
  assertMatch(readTestOutput(ENDED, false).errors, /^error \.\/tests\/c_test\.ts called/);
});

Deno.test("endOfTests() adds the counts, and repeats every error", () => {
  const good = readTestOutput(GOOD, true), bad = readTestOutput(BAD, false);
  assertEquals(endOfTests([good, good], 61_000), "ok | 2 passed | 0 failed | 2 ignored (1m1s)\n");
  assertEquals(endOfTests([], 0), "FAILED | 0 passed | 0 failed (0m0s)\n");
  const end = endOfTests([good, bad, readTestOutput(ENDED, false)], 9_000);
  assertMatch(
    end,
    /^ ERRORS \n\nsubtracts => [^\n]*\nerror: [^\n]*\n\nerror \.\/tests\/c_test\.ts/,
  );
  assertMatch(end, /\n\nFAILED \| 4 passed \| 2 failed \| 1 ignored \(0m9s\)\n$/);
});
