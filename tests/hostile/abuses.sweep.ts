/** Every abuse: the run fails in time, reports the reason, and leaves nothing behind. */

import { TestsAhead } from "../support/tests_ahead.ts";
import { type AbuseName, ABUSES } from "./abuses.ts";
import { assertWithstood } from "./abuse_outcome.ts";

const root = { root: true, programs: { ip: "iproute2" } };
const tests = new TestsAhead();

for (const [name, { what }] of Object.entries(ABUSES)) {
  tests.add(root, `A child that ${what}: FAIL`, () => assertWithstood(name as AbuseName));
}
