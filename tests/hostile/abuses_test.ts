/** Some of the hostile children, quick ones of every kind; all of them: `hostile.sweep.ts`. */

import { TestsAhead } from "../support/tests_ahead.ts";
import { HOSTILE, type HostileName } from "./abuses.ts";
import { assertWithstood } from "./abuse_outcome.ts";

const QUICK: readonly HostileName[] = [
  "truncated",
  "deep-evidence",
  "other-experiments-claim",
  "takes-back",
  "short-flood",
  "descriptors",
  "last-words",
  "leaves-a-session",
];

const root = { root: true, programs: { ip: "iproute2" } };
const tests = new TestsAhead();

for (const name of QUICK) {
  tests.add(root, `A child that ${HOSTILE[name].what}: FAIL`, () => assertWithstood(name));
}
