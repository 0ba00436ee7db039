/** A few quick abuses of each kind, for every test run; `abuses.sweep.ts` has all. */

import { TestsAhead } from "../support/tests_ahead.ts";
import { type AbuseName, ABUSES } from "./abuses.ts";
import { assertWithstood } from "./abuse_outcome.ts";

const QUICK: readonly AbuseName[] = [
  "truncated",
  "deep-evidence",
  "other-experiments-claim",
  "takes-back",
  "short-flood",
  "descriptors",
  "last-words",
  "pretends-refusal",
  "leaves-a-session",
];

const root = { root: true, programs: { ip: "iproute2" } };
const tests = new TestsAhead();

for (const name of QUICK) {
  tests.add(root, `A child that ${ABUSES[name].what}: FAIL`, () => assertWithstood(name));
}
