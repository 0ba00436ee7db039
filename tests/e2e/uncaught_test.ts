/** An error that no code catches is a defect of fdpass: exit 70, in every view, never a FAIL. */

import { assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";

const RUN = [Deno.execPath(), "run", "-A", "tests/support/uncaught_run.ts"];
const LONG = ["-n", "100000", "veth-fdpass"];

for (const how of ["timer", "rejection"]) {
  testNeeding({ root: true }, `An uncaught error in mid-run (${how}): exit 70`, async () => {
    const outcome = await inNamespace([...RUN, how, "--json", ...LONG]);
    const { verdict, exit, error } = evidenceIn(outcome);
    assertEquals([verdict, exit, outcome.code], ["INCONCLUSIVE", 70, 70]);
    assertMatch(error!.message, /^fdpass itself failed: Error: uncaught: Error: planned/);
    assertMatch(outcome.stderr, /^fdpass: fdpass itself failed: /);
  });
}
