/** A few links for every test run; `links.sweep.ts` has all. */

import { assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { answerOf, LINKS, problemsOf, runOn } from "./links.ts";

const NEEDS = { root: true, programs: { ip: "iproute2" } };
const tests = new TestsAhead();

for (const link of LINKS) {
  for (const run of link.quick ?? []) {
    const answer = answerOf(link, run);
    tests.add(NEEDS, `${run} on ${link.what}: exit ${answer.exit}`, async () => {
      assertEquals(problemsOf(answer, await runOn(link, run)), []);
    });
  }
}

testNeeding(NEEDS, "problemsOf() finds each problem", async () => {
  const [plain] = LINKS;
  const good = await runOn(plain, "privilege-drop");
  const right = answerOf(plain, "privilege-drop");
  assertEquals(problemsOf(right, good), []);
  const failed = good.stdout.replace('"status": "pass"', '"status": "fail"');
  const bad = [
    problemsOf({ ...right, exit: 4 }, good),
    problemsOf({ ...right, says: /another interface/ }, good),
    problemsOf(right, { ...good, code: 4 }),
    problemsOf(right, { ...good, stdout: failed }),
    problemsOf(right, { ...good, stdout: "" }),
  ];
  assertEquals(bad.filter((problems) => problems.length === 0), []);
});
