/** Every experiment on every kind of link, with and without others that send there. */

import { assertEquals } from "@std/assert";
import { TestsAhead } from "../support/tests_ahead.ts";
import { answerOf, LINKS, problemsOf, runOn, RUNS } from "./links.ts";

const NEEDS = { root: true, programs: { ip: "iproute2", nft: "nftables" } };
const tests = new TestsAhead();

for (const link of LINKS) {
  for (const run of RUNS) {
    const answer = answerOf(link, run);
    tests.add(NEEDS, `${run} on ${link.what}: exit ${answer.exit}`, async () => {
      assertEquals(problemsOf(answer, await runOn(link, run)), []);
    });
  }
}
