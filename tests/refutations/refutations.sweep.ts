/**
 * Plants each defect in its experiment, and asserts that the checks it refutes fail, and the run
 * with them.
 */

import { assertEquals } from "@std/assert";
import { CONFINEMENT_CHECKS } from "../../lib/evidence/checks.ts";
import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { asService, ENOUGH, SERVICE_DENO } from "../support/service.ts";
import { REFUTATIONS } from "./all.ts";

const root = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };
const LIMIT = 150_000;
const tests = new TestsAhead();

for (
  const [name, { what, refutes, alone, endsEarly, prefix = [], service }] of Object.entries(
    REFUTATIONS,
  )
) {
  const [experiment] = name.split("/");
  const failing = refutes.length > 0 ? `${refutes.join(", ")} fail` : "FAIL";
  tests.add(root, `${experiment}: ${failing} when ${what}`, async () => {
    const command = ["run", "-A", "tests/refutations/run.ts", name];
    const program = service ? [...asService(ENOUGH), SERVICE_DENO] : [...prefix, Deno.execPath()];
    const outcome = await inNamespace([...program, ...command], { timeout: LIMIT });
    const { verdict, experiments: [{ checks, error }] } = evidenceIn(outcome);
    const failed = checks.filter(({ status, observed }) =>
      status === "fail" && (endsEarly || observed !== "never ran")
    ).map(({ id }) => id);
    const restsOnChild = ({ id, seen_by }: typeof checks[number]) =>
      refutes.includes(id) && seen_by.includes("child");
    if (experiment === "privilege-drop") assertEquals(checks.filter(restsOnChild), []);
    const said = `failed: ${failed.join(", ")}; ${error}`;
    assertEquals(alone ? failed : refutes.filter((id) => failed.includes(id)), refutes, said);
    assertEquals([verdict, outcome.code], ["FAIL", 1], outcome.stderr);
  });
}

// The refutations of `authority` are protections left out: see authority.sweep.ts.
for (const { name, plan, hardenedPlan = [] } of EXPERIMENTS.filter((e) => e.name !== "authority")) {
  const hardened = name === "privilege-drop" ? CONFINEMENT_CHECKS : hardenedPlan;
  Deno.test(`Every check of ${name} has a refutation`, () => {
    const refuted = new Set(
      Object.entries(REFUTATIONS)
        .filter(([refutation, { endsEarly = false }]) =>
          refutation.startsWith(`${name}/`) && !endsEarly
        )
        .flatMap(([, { refutes }]) => refutes),
    );
    assertEquals([...plan, ...hardened].filter((id) => !refuted.has(id)), []);
  });
}
