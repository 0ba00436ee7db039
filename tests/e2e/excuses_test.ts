/**
 * The controls of root's own controls. Where the surroundings keep a child from its work, the
 * answer is INCONCLUSIVE; without the obstacle it is PASS; and a child that violates a claim in the
 * same surroundings still makes it FAIL. So does one that only pretends a refusal: see the abuses.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { FDPASS, refusing } from "./here.ts";

/** An obstacle to the child's work. */
interface Obstacle {
  readonly what: string;
  /** The command that runs a program there. */
  readonly before: readonly string[];
  readonly args: readonly string[];
  /** The error of the run, or the reason of its skipped checks. */
  readonly reason: RegExp;
  /** A violation of `tests/hostile/violations.ts` that is seen there nevertheless. */
  readonly violation: string;
  /** The interface under test. */
  readonly link?: string;
}

const CONTROL = "root's own control is refused too";

const OBSTACLES: readonly Obstacle[] = [
  {
    what: "filters are refused",
    before: refusing("seccomp", "EPERM"),
    args: ["--harden"],
    reason: new RegExp(`seccomp: .*\\(EPERM\\); ${CONTROL}`),
    violation: "hardened-root",
  },
  {
    what: "there is no memory for a ring",
    before: refusing("setsockopt", "ENOMEM", { 1: 263, 2: 5 }),
    args: ["--receive", "tpacket-v3"],
    reason: new RegExp(`setsockopt: .*\\(ENOMEM\\); ${CONTROL}`),
    violation: "root-kept",
  },
  {
    what: "no packet arrives",
    before: [
      "sh",
      "-c",
      // With IPv6 the kernel sends frames itself.
      "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; ip link add quiet type veth peer name calm;" +
      ' ip link set quiet up; ip link set calm up; exec "$0" "$@"',
    ],
    args: ["--stimulus", "none", "-t", "3"],
    reason: /^no stimulus, and only 0 of 5 packets of ambient traffic arrived$/,
    violation: "root-kept",
    link: "quiet",
  },
];

async function outcomeOf(
  before: readonly string[],
  program: readonly string[],
  args: readonly string[],
  link = "veth-fdpass",
) {
  const outcome = await inNamespace([...before, ...program, "--json", ...args, link]);
  const { verdict, experiments: [{ error, checks }] } = evidenceIn(outcome);
  const skipped = checks.filter(({ status }) => status === "skip");
  const refuted = checks.filter(({ status, observed }) =>
    status === "fail" && observed !== "never ran"
  );
  return { verdict, code: outcome.code, reason: error ?? skipped[0]?.observed ?? "", refuted };
}

const hostile = (violation: string) => [
  ...[Deno.execPath(), "run", "-A", "tests/hostile/run.ts", `./child.ts?${violation}`],
];
const needs = { root: true, programs: { ip: "iproute2" } };
const tests = new TestsAhead();

for (const { what, before, args, reason, violation, link } of OBSTACLES) {
  tests.add(needs, `Where ${what} the run is INCONCLUSIVE, and names the reason`, async () => {
    const { verdict, code, reason: named } = await outcomeOf(before, FDPASS, args, link);
    assertEquals([verdict, code], ["INCONCLUSIVE", 4], named);
    assertMatch(named, reason);
  });

  tests.add(needs, `Where ${what} a child that keeps root makes it FAIL`, async () => {
    const { verdict, code, refuted } = await outcomeOf(before, hostile(violation), args, link);
    assertEquals([verdict, code], ["FAIL", 1]);
    assert(refuted.some(({ id }) => id === "DROP-03"), "the parent has seen it");
  });
}

for (const { what, args } of OBSTACLES.slice(0, 2)) {
  tests.add(needs, `Without the obstacle that ${what} the run is a PASS`, async () => {
    const { verdict, code, reason } = await outcomeOf([], FDPASS, args);
    assertEquals([verdict, code], ["PASS", 0], reason);
  });
}
