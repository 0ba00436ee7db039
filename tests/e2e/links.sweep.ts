/**
 * Every experiment on every kind of link, with and without others that send there. Where a link
 * allows no answer, it is also made one that does: then an honest child passes and a deaf one
 * fails. A child that keeps root fails on either.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { TestsAhead } from "../support/tests_ahead.ts";
import { answerOf, LINKS, problemsOf, runOn, RUNS, runWithDefect } from "./links.ts";

const NEEDS = { root: true, programs: { ip: "iproute2", nft: "nftables" } };
const [KEEPS_ROOT, DEAF] = ["privilege-drop/no-drop", "privilege-drop/deaf-socket"];
const tests = new TestsAhead();

const exists = (path: string) => Deno.stat(path).then(() => true, () => false);

for (const link of LINKS) {
  const { what, needs, cure, isRefused = false } = link;
  if (needs !== undefined && !await exists(needs)) {
    Deno.test.ignore(`${what} # SKIP needs ${needs}`, () => {});
    continue;
  }
  for (const run of RUNS) {
    const answer = answerOf(link, run);
    tests.add(NEEDS, `${run} on ${what}: exit ${answer.exit}`, async () => {
      assertEquals(problemsOf(answer, await runOn(link, run)), []);
    });
  }
  if (cure === undefined) continue;
  const cured = { ...link, ...cure, answer: { exit: 0 } } as const;
  tests.add(NEEDS, `Without its obstacle, ${what}: exit 0`, async () => {
    assertEquals(problemsOf(cured.answer, await runOn(cured, "privilege-drop")), []);
  });
  tests.add(NEEDS, `A deaf child on ${what}: FAIL without the obstacle`, async () => {
    assertMatch(await runWithDefect(cured, DEAF), /^FAIL RECV-01/);
  });
  if (isRefused) continue;
  tests.add(NEEDS, `A child that keeps root on ${what}: FAIL`, async () => {
    assertMatch(await runWithDefect(link, KEEPS_ROOT), /^FAIL .*DROP-03/);
  });
  tests.add(NEEDS, `A deaf child on ${what}: INCONCLUSIVE with the obstacle`, async () => {
    assertEquals(await runWithDefect(link, DEAF), "INCONCLUSIVE");
  });
}
