/**
 * The kernel may lie: a call that drops a privilege says that it succeeded, and did nothing. strace plays that kernel.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, inNamespace, type Outcome } from "../support/programs.ts";
import { FDPASS } from "./here.ts";

/** Runs the main job, as root with supplementary groups, while strace does what `inject` says. */
function underLyingKernel(inject: string): Promise<Outcome> {
  const strace = ["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", `inject=${inject}`];
  const groups = ["setpriv", "--groups=0,42", "--"];
  return inNamespace([...groups, ...strace, ...FDPASS, "--json", "veth-fdpass"]);
}

/** What is true of the run whatever the drop does. */
const BEFORE_THE_DROP = ["SOCK-01", "SOCK-02", "PASS-01", "PASS-02", "PASS-03"];

/** The lie, the checks that must not pass, and what the report must name. `when=1` is the first call of each thread: the drop, not the proof of it. */
const LIES: [inject: string, refuted: string[], cause: RegExp][] = [
  ["setgroups:retval=0", ["DROP-01", "DROP-05"], /groups/i],
  ["setgroups:retval=0:when=1", ["DROP-01"], /groups/i],
  ["setresgid:retval=0", ["DROP-02", "DROP-05"], /gid/i],
  ["setresgid:retval=0:when=1", ["DROP-02", "DROP-05"], /gid/i],
  ["setresuid:retval=0", ["DROP-03", "DROP-04", "DROP-05", "DENY-01"], /uid/i],
  ["setresuid:retval=0:when=1", ["DROP-03", "DROP-04", "DROP-05", "DENY-01"], /uid/i],
  ["setgroups,setresgid,setresuid:retval=0", [
    ...["DROP-01", "DROP-02", "DROP-03", "DROP-04", "DROP-05", "DENY-01"],
  ], /[ug]id|groups/i],
  // Only the proof is a lie: the calls that must be refused are said to succeed.
  ["setresuid:retval=0:when=2+", ["DROP-05"], /uid/i],
  ["setresgid:retval=0:when=2+", ["DROP-05"], /gid/i],
  ["setgroups:retval=0:when=2+", ["DROP-05"], /groups/i],
  // And refused for another reason than the missing privilege.
  ["setresuid:error=EINVAL:when=2+", ["DROP-05"], /uid/i],
];

const strace = { root: true, programs: { strace: "strace" } };

for (const [inject, refuted, cause] of LIES) {
  testNeeding(strace, `A kernel of ${inject} is found out: FAIL`, async () => {
    const outcome = await underLyingKernel(inject);
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

testNeeding(strace, "A kernel that tells the truth under strace is believed: PASS", async () => {
  const outcome = await underLyingKernel("sethostname:retval=0");
  assertEquals([evidenceIn(outcome).verdict, outcome.code], ["PASS", 0]);
});

testNeeding(strace, "A kernel that refuses the drop is not believed either: FAIL", async () => {
  const outcome = await underLyingKernel("setresuid:error=EPERM");
  const { verdict, experiments: [{ error }] } = evidenceIn(outcome);
  assertEquals([verdict, outcome.code], ["FAIL", 1]);
  assertMatch(error ?? "", /setresuid.*EPERM/);
});
