/**
 * A kernel that lies: a call that drops a privilege reports success and does nothing. A stand-in
 * for libc plays that kernel in the child; the parent's kernel is honest.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { Errno } from "../../ffi/mod.ts";
import { answered } from "../wrong_answers/stand_in/answered.ts";
import type { Answering } from "../wrong_answers/stand_in/stand_in.ts";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, type Outcome } from "../support/programs.ts";

const ARGS = ["--json", "veth-fdpass"];

/**
 * Runs the main job as root with supplementary groups. A call of the child gets this answer every
 * time.
 */
function underLyingKernel(libc: string, answer: Answering["answer"]): Promise<Outcome> {
  const answering = { libc, name: libc, process: "child.1", turn: 1, answer };
  return answered({ args: ARGS, answering }, ["setpriv", "--groups=0,42", "--"]);
}

/** The checks that hold whatever the drop does. */
const BEFORE_THE_DROP = ["SOCK-01", "SOCK-02", "PASS-01", "PASS-02", "PASS-03"];

/** A lie, the checks that must not pass, and what the report must name. */
const LIES: [libc: string, refuted: string[], cause: RegExp][] = [
  ["setgroups", ["DROP-01"], /groups/i],
  ["setresgid", ["DROP-02"], /gid/i],
  // The drop clears the capabilities itself, so uid 0 is left without them.
  ["setresuid", ["DROP-03", "DROP-05"], /uid/i],
];

const root = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };

for (const [libc, refuted, cause] of LIES) {
  testNeeding(root, `A kernel that only pretends to do ${libc} is found out: FAIL`, async () => {
    const outcome = await underLyingKernel(libc, { result: 0 });
    const { verdict, exit, experiments: [{ checks, error }] } = evidenceIn(outcome);
    assertEquals([verdict, exit, outcome.code], ["FAIL", 1, 1]);
    const failures = checks.filter(({ status }) => status === "fail");
    const failed = failures.map(({ id }) => id as string);
    assertEquals(refuted.filter((id) => !failed.includes(id)), [], "all of these must fail");
    assertEquals(BEFORE_THE_DROP.filter((id) => failed.includes(id)), [], "and none of these");
    const said = [error, ...failures.map(({ observed }) => observed)];
    assertMatch(said.join("\n"), cause);
  });
}

testNeeding(root, "With an honest kernel the same run is PASS", async () => {
  const outcome = await answered({ args: ARGS });
  assertEquals([evidenceIn(outcome).verdict, outcome.code], ["PASS", 0]);
});

testNeeding(root, "A kernel that refuses the drop is not believed either: FAIL", async () => {
  const outcome = await underLyingKernel("setresuid", { errno: Errno.EPERM });
  const { verdict, experiments: [{ error }] } = evidenceIn(outcome);
  assertEquals([verdict, outcome.code], ["FAIL", 1]);
  assertMatch(error ?? "", /setresuid.*EPERM/);
});
