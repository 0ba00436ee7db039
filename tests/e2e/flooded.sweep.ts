/**
 * Every experiment on an interface that others use: none of them refutes a claim that holds. And
 * the control: a claim that does not hold is refuted there as well.
 */

import { assert, assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn } from "../support/programs.ts";
import { among, OTHERS } from "./flooded.ts";
import { FDPASS } from "./here.ts";

const root = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };

const EXPERIMENTS = ["privilege-drop", "io-uring", "receive-paths", "supervisor", "authority"];

/** Where others displace the stimulus itself, no answer is right as well. */
const MAY_BE_OPEN: readonly string[] = ["a flood in the same group"];

for (const [name, others] of Object.entries(OTHERS)) {
  for (const experiment of EXPERIMENTS) {
    testNeeding(root, `Among ${others.what}, ${experiment} refutes nothing`, async () => {
      const args = ["--json", "-t", "90", "-e", experiment, "veth-fdpass"];
      const outcome = await among(others, [...FDPASS, ...args]);
      const { verdict, experiments: [{ checks, error }] } = evidenceIn(outcome);
      const open = checks.filter(({ status }) => status !== "pass")
        .map(({ id, observed }) => `${id} ${observed}`);
      const expected = MAY_BE_OPEN.includes(name) ? ["PASS", "INCONCLUSIVE"] : ["PASS"];
      assert(expected.includes(verdict), [error, ...open].join("; "));
      assertEquals(outcome.code, verdict === "PASS" ? 0 : 4);
    });
  }
}

/** Claims that do not hold, by the names of their refutations, and the checks that must fail. */
const VIOLATIONS: readonly (readonly [refutation: string, check: string])[] = [
  ["privilege-drop/no-drop", "DROP-03"],
  ["privilege-drop/deaf-socket", "RECV-01"],
  ["io-uring/frames-without-secrets", "URING-02"],
  ["io-uring/unrestricted", "URING-09"],
  ["receive-paths/flipped", "PATH-02"],
  ["receive-paths/no-drop", "PATH-01"],
  ["supervisor/forged-journal", "SUPER-02"],
  ["supervisor/none-protected", "SUPER-01"],
];

for (const [refutation, check] of VIOLATIONS) {
  testNeeding(root, `Among a flood of frames, ${refutation} is refuted`, async () => {
    const run = [Deno.execPath(), "run", "-A", "tests/refutations/run.ts", refutation];
    const outcome = await among(OTHERS["a flood"], run);
    const { verdict, experiments: [{ checks }] } = evidenceIn(outcome);
    const failed = checks.filter(({ status }) => status === "fail").map(({ id }) => id as string);
    assert(failed.includes(check), failed.join(", "));
    assertEquals([verdict, outcome.code], ["FAIL", 1]);
  });
}
