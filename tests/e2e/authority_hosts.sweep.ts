/**
 * The experiment authority on hosts that allow less than its table lists, or where what a worker
 * sends cannot be seen. And the control: what is more than listed is refuted there as well.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { ExperimentEvidence } from "../../lib/evidence/evidence.ts";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { FDPASS, refusing } from "./here.ts";

const root = { root: true, programs: { ip: "iproute2", setpriv: "util-linux", perl: "perl" } };

/** In a chroot, where the kernel allows no user namespace: create_user_ns. */
const IN_CHROOT = [
  ...["unshare", "--mount", "bash", "-c"],
  'mount --rbind / /mnt && exec chroot /mnt env -C "$PWD" "$@"',
  "bash",
];

/**
 * Hosts that refuse a user namespace to everybody, with the outcome there. Where the whole program
 * has a filter of system calls, the filter of a worker cannot be read, which leaves HARD-05 open.
 */
const HOSTS = [
  {
    what: "a chroot",
    before: IN_CHROOT,
    outcome: ["INCONCLUSIVE", 4, "AUTH-01 skip,AUTH-02 skip"],
  },
  {
    what: "a filter that refuses unshare(2)",
    before: refusing("unshare", "EPERM"),
    outcome: ["INCONCLUSIVE", 4, "AUTH-01 skip,AUTH-02 skip,HARD-05 skip"],
  },
];

const ATTACK = [...FDPASS, "--json", "-t", "60", "-e", "authority"];

const statusOf = ({ checks }: ExperimentEvidence, id: string) =>
  checks.find((check) => check.id === id)?.status;

for (const { what, before, outcome: expected } of HOSTS) {
  testNeeding(root, `In ${what}, less than listed is named, and refutes nothing`, async () => {
    const outcome = await inNamespace([...before, ...ATTACK, "veth-fdpass"]);
    const { verdict, experiments: [experiment] } = evidenceIn(outcome);
    const open = experiment.checks.filter(({ status }) => status !== "pass")
      .map(({ id, status }) => `${id} ${status}`).join();
    assertEquals([verdict, outcome.code, open], expected);
    assertStringIncludes(
      JSON.stringify(experiment.steps),
      "Less than listed: user-namespace-program: unshare: Operation not permitted (EPERM)",
    );
  });
}

testNeeding(root, "In a chroot, a protection that is left out is refuted", async () => {
  const program = [Deno.execPath(), "run", "-A", "tests/refutations/authority_run.ts"];
  const outcome = await inNamespace(
    [...IN_CHROOT, ...program, "leaves-out-one", "--whole"],
    { timeout: 120_000 },
  );
  const { verdict, experiments: [experiment] } = evidenceIn(outcome);
  assertEquals([verdict, outcome.code, statusOf(experiment, "AUTH-02")], ["FAIL", 1, "fail"]);
});

/** In the shell: a second veth pair, which has nothing to do with the interface under test. */
const ELSEWHERE = `ip link add other type veth peer name other-far
  ip link set other up && ip link set other-far up && exec "$0" "$@"`;

testNeeding(root, "Where root's own frame is not seen, nothing is shown: exit 4", async () => {
  const args = ["--stimulus", "other-far", "veth-fdpass"];
  const outcome = await inNamespace(["bash", "-c", ELSEWHERE, ...ATTACK, ...args]);
  const { verdict, experiments: [experiment] } = evidenceIn(outcome);
  const statuses = ["AUTH-01", "AUTH-02", "AUTH-03", "AUTH-04"].map((id) =>
    statusOf(experiment, id)
  );
  assertEquals([verdict, outcome.code], ["INCONCLUSIVE", 4]);
  assertEquals(statuses, ["skip", "skip", "skip", "skip"]);
  assertStringIncludes(JSON.stringify(experiment.steps), "does not arrive at");
});
