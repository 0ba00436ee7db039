/**
 * Children that keep, hide, prepare or forge something, and report that all is well: none gets a
 * PASS, and none leaves a process behind.
 *
 * HOSTILE_RUNS is the number of runs of the generative part.
 */

import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { testNeeding } from "../support/needs.ts";
import type { Behaviour } from "./behaviour.ts";
import { runFromOutside } from "./outside.ts";
import { ROWS, run } from "./table.ts";
import { type ViolationName, VIOLATIONS } from "./violations.ts";

const root = { root: true };

for (const row of ROWS) {
  testNeeding(root, `Hostile: ${row.name}, ${row.experiment}`, async () => {
    assertEquals((await run(row)).wrong, undefined);
  });
}

const names = Object.keys(VIOLATIONS) as ViolationName[];

for (const name of names) {
  const { what, harden = false, args = [], verdicts = ["FAIL"], reported }: Behaviour =
    VIOLATIONS[name];
  testNeeding(root, `Hostile: a child that ${what} (${name})`, async () => {
    const options = [...harden ? ["--harden"] : [], ...args];
    const { evidence, exit, left } = await runFromOutside(`./child.ts?${name}`, options);
    const [{ error, checks }] = evidence.experiments;
    const refuted = checks.filter(({ status, observed }) =>
      status === "fail" && observed !== "never ran"
    );
    assert(verdicts.includes(evidence.verdict), `${evidence.verdict} ${exit}: ${error}`);
    assertEquals(exit, evidence.exit);
    assertEquals(left, [], "processes that are left behind");
    if (evidence.verdict === "INCONCLUSIVE") return;
    const isSeen = refuted.length > 0 || error !== null && reported?.test(error);
    assert(isSeen, `no check is refuted; the error is ${error}`);
  });
}

const RUNS = Number(Deno.env.get("HOSTILE_RUNS") ?? 100);

/** The violations that do not set a timeout of their own. */
const QUICK = names.filter((name) => !("args" in VIOLATIONS[name]));

testNeeding(root, `Hostile: a random violation with random reports, ${RUNS} times`, async () => {
  const violation = fc.constantFrom(...QUICK);
  const seed = fc.integer({ min: 0, max: 2 ** 31 });
  const neverPasses = fc.asyncProperty(violation, seed, async (name, seed) => {
    const { harden = false }: Behaviour = VIOLATIONS[name];
    const options = harden ? ["--harden"] : [];
    const { evidence, left } = await runFromOutside(`./child.ts?${name}&${seed}`, options);
    assert(evidence.verdict !== "PASS", `${name}&${seed}`);
    assertEquals(left, []);
  });
  await fc.assert(neverPasses, { numRuns: RUNS, endOnFailure: true });
});
