/**
 * Every parser of foreign data, with anything as its input. Millions of cases:
 * `tests/soak/fuzz.soak.ts`.
 *
 * A failure prints its seed and the path to its case, which FDPASS_FUZZ_SEED and FDPASS_FUZZ_PATH
 * repeat.
 */

import { SIGSEGV } from "../../ffi/abi/constants.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { runProgram } from "../support/programs.ts";
import { chosen } from "./target.ts";
import { TARGETS } from "./targets.ts";

/** The cases that are tried here, and the most until a planted mistake must be found. */
const CASES = 1500, ENOUGH = 20_000;

for (const [name, target] of Object.entries(TARGETS)) {
  Deno.test(`${name}: ${target.claim} (seed ${chosen().seed})`, () => {
    target.run({ ...chosen(), cases: CASES });
  });

  for (const mistake of target.mistakes) {
    Deno.test(`${name}: a subject that ${mistake} is found out`, () => {
      const { message } = assertThrows(
        () => target.run({ seed: chosen().seed, cases: ENOUGH, mistake }),
        Error,
        "Property failed after",
      );
      assert(message.includes("Counterexample"), message);
    });
  }
}

Deno.test("Reading a byte behind guarded memory ends the process", async () => {
  const program = "tests/fuzz/programs/read_beyond.ts";
  const [stays, reads] = await Promise.all(
    ["within", "beyond"].map((where) => runProgram(Deno.execPath(), ["run", "-A", program, where])),
  );
  assertEquals([stays.code, stays.stdout], [0, "read"]);
  assertEquals([reads.code, reads.stdout], [128 + SIGSEGV, "read"]);
});
