/** For each way in which the experiment can go wrong: the check that claims otherwise fails, and so does the run. */

import { assertEquals } from "@std/assert";
import type { CheckId } from "../../lib/checks.ts";
import { privilegeDrop } from "../../lib/experiments/privilege_drop.ts";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { FAULTS } from "./faults.ts";

for (const [name, { what, refutes, prefix = [] }] of Object.entries(FAULTS)) {
  testNeeding({ root: true }, `${refutes.join(", ")} fail when ${what}`, async () => {
    const command = [Deno.execPath(), "run", "-A", "tests/faults/run_faulty.ts", name];
    const outcome = await inNamespace([...prefix, ...command]);
    const { verdict, experiments: [{ checks }] } = evidenceIn(outcome);
    const failed = checks.filter(({ status }) => status === "fail").map(({ id }) => id);
    assertEquals(refutes.filter((id) => !failed.includes(id)), [], `failed: ${failed.join(", ")}`);
    assertEquals([verdict, outcome.code], ["FAIL", 1], outcome.stderr);
  });
}

Deno.test("every check of privilege-drop has a fault that refutes it", () => {
  const refuted = new Set(
    Object.values(FAULTS).flatMap(({ refutes }): readonly CheckId[] => refutes),
  );
  assertEquals(privilegeDrop.plan.filter((id) => !refuted.has(id)), []);
});
