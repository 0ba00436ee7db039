/**
 * Children that hold back, hide, prepare or forge something, and report that all is well: none gets a PASS, and nothing of them is left.
 *
 * The generative part makes as many runs as `HOSTILE_RUNS` says.
 */

import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { testNeeding } from "../support/needs.ts";
import type { Deed } from "./behaviour.ts";
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
  const { what, harden = false, args = [], comesTo = ["FAIL"], says }: Deed = VIOLATIONS[name];
  testNeeding(root, `Hostile: a child that ${what} (${name})`, async () => {
    const options = [...harden ? ["--harden"] : [], ...args];
    const { evidence, exit, left } = await runFromOutside(`./child.ts?${name}`, options);
    const [{ error, checks }] = evidence.experiments;
    const refuted = checks.filter(({ status, observed }) =>
      status === "fail" && observed !== "never ran"
    );
    assert(comesTo.includes(evidence.verdict), `${evidence.verdict} ${exit}: ${error}`);
    assertEquals(left, [], "nothing is left");
    if (evidence.verdict === "INCONCLUSIVE") return;
    const isSeen = refuted.length > 0 || error !== null && says?.test(error);
    assert(isSeen, `by what it does, not by ${error}`);
  });
}

const RUNS = Number(Deno.env.get("HOSTILE_RUNS") ?? 100);

/** Those that need no time of their own. */
const QUICK = names.filter((name) => !("args" in VIOLATIONS[name]));

testNeeding(root, `Hostile: any of them, saying anything, ${RUNS} times`, async () => {
  const violation = fc.constantFrom(...QUICK);
  const seed = fc.integer({ min: 0, max: 2 ** 31 });
  const says = fc.asyncProperty(violation, seed, async (name, seed) => {
    const { harden = false }: Deed = VIOLATIONS[name];
    const options = harden ? ["--harden"] : [];
    const { evidence, left } = await runFromOutside(`./child.ts?${name}&${seed}`, options);
    assert(evidence.verdict !== "PASS", `${name}&${seed}`);
    assertEquals(left, []);
  });
  await fc.assert(says, { numRuns: RUNS, endOnFailure: true });
});
