/**
 * The relay in every surrounding: the right answer there, a PASS where an obstacle is taken away,
 * and a FAIL for a relay that is wrong.
 */

import { TestsAhead } from "../support/tests_ahead.ts";
import {
  assertAnswer,
  assertCured,
  assertRefuted,
  RELAY_SURROUNDINGS,
} from "./relay_surroundings.ts";

const NEEDS = { root: true, programs: { ip: "iproute2", nft: "nftables" } };
const tests = new TestsAhead();

for (const place of RELAY_SURROUNDINGS) {
  const { what, exit, cure, defect } = place;
  tests.add(NEEDS, `relay with ${what}: exit ${exit}`, () => assertAnswer(place));
  tests.add(NEEDS, `A relay that is ${defect}, with ${what}: exit 1`, () => assertRefuted(place));
  if (cure === undefined) continue;
  tests.add(NEEDS, `relay with ${what}, without the obstacle: exit 0`, () => assertCured(place));
}
