/** Millions of cases for every fuzz target. */

import { assertEquals } from "@std/assert";
import { chosen } from "../fuzz/target.ts";
import { TARGETS } from "../fuzz/targets.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { runProgram } from "../support/programs.ts";

/** For each target. */
const CASES = 250_000;
/** About ten times what a target takes, in milliseconds. */
const LIMIT = 900_000;
const tests = new TestsAhead();

for (const [name, { claim }] of Object.entries(TARGETS)) {
  const { seed } = chosen();
  tests.add({}, `${name}, ${CASES} times: ${claim} (seed ${seed})`, async () => {
    const env = { FDPASS_FUZZ_SEED: String(seed) };
    const program = ["run", "-A", "tests/fuzz/run.ts", name, String(CASES)];
    const { code, stdout, stderr } = await runProgram(Deno.execPath(), program, {
      env,
      timeout: LIMIT,
    });
    assertEquals([code, stderr], [0, ""], `seed ${seed}`);
    assertEquals(JSON.parse(stdout).cases, CASES);
  });
}
