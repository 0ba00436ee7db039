/** A child that somebody has taken over: whatever it does, the run fails in time, says what was wrong, and leaves nothing behind. */

import { TestsAhead } from "../support/tests_ahead.ts";
import { HOSTILE, type HostileName } from "./abuses.ts";
import { assertWithstood } from "./abuse_outcome.ts";

const root = { root: true, programs: { ip: "iproute2" } };
const tests = new TestsAhead();

for (const [name, { what }] of Object.entries(HOSTILE)) {
  tests.add(root, `A child that ${what}: FAIL`, () => assertWithstood(name as HostileName));
}
