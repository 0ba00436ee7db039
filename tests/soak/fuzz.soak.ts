/** Millions of cases, of everything that takes apart what others have made. */

import { assertEquals } from "@std/assert";
import { chosen } from "../fuzz/target.ts";
import { TARGETS } from "../fuzz/targets.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { runProgram } from "../support/programs.ts";

/** For each of the eleven targets. */
const CASES = 250_000;
/** A guess at ten times what it takes, in milliseconds. */
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
