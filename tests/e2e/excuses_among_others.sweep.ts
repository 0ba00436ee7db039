/** A child that its siblings leave no room, and one that only pretends that. */

import { assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { hindered, OBSTACLES, pretended } from "./excuses_among_others.ts";

const root = { root: true, programs: { ip: "iproute2" } };
const OBSTACLE = OBSTACLES.processes;

testNeeding(root, `${OBSTACLE.experiment} where ${OBSTACLE.what} is INCONCLUSIVE`, async () => {
  const { answer, error } = await hindered(OBSTACLE);
  assertMatch(error, OBSTACLE.reason);
  assertEquals(answer, ["INCONCLUSIVE", 4]);
});

testNeeding(
  root,
  `${OBSTACLE.experiment} is FAIL if its children only pretend that ${OBSTACLE.what}`,
  async () => {
    assertEquals((await pretended(OBSTACLE)).answer, ["FAIL", 1]);
  },
);
