/** The results of the experiment `io-uring`, compared with tables of their own. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ExperimentEvidence } from "../../lib/evidence/evidence.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { evidenceIn, fdpass, type Outcome } from "../support/programs.ts";

const tests = new TestsAhead();
const root = { root: true, programs: { ip: "iproute2" } };
const hardening = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };
const PATIENT = { timeout: 120_000 };

const numbered = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${name}-${String(i + 1).padStart(2, "0")}`);
const PLAIN = numbered("URING", 13);
const HARDENED = [...PLAIN, ...numbered("HARD", 5), "URING-14"];

const run = (...args: string[]): Promise<Outcome> =>
  fdpass(["-t", "60", "-e", "io-uring", ...args, "veth-fdpass"], PATIENT);

async function passed(...args: string[]): Promise<ExperimentEvidence> {
  const outcome = await run("--json", ...args);
  const evidence = evidenceIn(outcome);
  const [experiment] = evidence.experiments;
  const open = experiment.checks.filter(({ status }) => status !== "pass");
  assertEquals([experiment.error, open], [null, []]);
  assertEquals([outcome.code, outcome.stderr, evidence.verdict], [0, "", "PASS"]);
  return experiment;
}

const observedIn = ({ checks }: ExperimentEvidence, id: string) =>
  checks.find((check) => check.id === id)!.observed;

tests.add(root, "io-uring is PASS, exit 0, with every check of its plan", async () => {
  const experiment = await passed();
  assertEquals(experiment.checks.map(({ id }) => id as string).sort(), [...PLAIN].sort());
  assertEquals(experiment.decisions, ["D7", "D24"]);
  assertMatch(observedIn(experiment, "URING-06"), /; 1 submission$/);
  assertMatch(observedIn(experiment, "URING-07"), /^24 frames.*; ([2-9]|\d\d) submissions$/);
  assertMatch(observedIn(experiment, "URING-10"), /EACCES.*EPERM/);
  for (const id of ["URING-11", "URING-12"]) {
    assertMatch(
      observedIn(experiment, id),
      /: opened \(the child holds \/etc\/shadow\); AF_PACKET socket: opened \(/,
    );
  }
});

tests.add(hardening, "io-uring --harden is PASS, with the hardened worker's checks", async () => {
  const { checks } = await passed("--harden");
  assertEquals(checks.map(({ id }) => id as string).sort(), [...HARDENED].sort());
});

tests.add(root, "io-uring -n sets how many frames each operation receives", async () => {
  const experiment = await passed("-n", "20");
  for (const id of ["URING-02", "URING-03", "URING-04", "URING-05", "URING-06", "URING-08"]) {
    assertMatch(observedIn(experiment, id), /^20 frames of this run's stimulus, 20 wanted/, id);
  }
});

tests.add(root, "Only RECVMSG returns the kernel's time stamp", async () => {
  const { packets } = await passed();
  const ours = packets.filter(({ ours }) => ours).map(({ stamped_by }) => stamped_by);
  const some = (count: number, by: string) => Array.from({ length: count }, () => by);
  // RECV, RECVMSG, READ, registered file, multishot, multishot with a burst of 24, restricted ring.
  const expected = [
    ...some(5, "child"),
    ...some(5, "kernel"),
    ...some(5 + 5 + 5 + 24 + 5, "child"),
  ];
  assertEquals(ours, expected);
  assert(packets.every(({ ours, after_drop }) => !ours || after_drop));
});

tests.add(
  hardening,
  "The text report has the trap, each operation, and the worker",
  async () => {
    const { code, stdout, stderr } = await run("--harden");
    assertEquals([code, stderr], [0, ""]);
    const lines = stdout.split("\n");
    const expected = [
      "=== io_uring on a Passed Socket Experiment ===",
      "[Child/Privileged] Making rings before the drop...",
      "[Child/Privileged] Dropping all privileges, no_new_privs on every thread...",
      '  · open("/etc/shadow") without a ring: EACCES',
      "  ✓ A plain ring acts with the credentials of the process that submits",
      "  ✓ A polled ring and a registered personality still act as root",
      "  ✓ Once closed, none of them opens anything",
      "[Child/Unprivileged] Making a ring without privileges...",
      ...["RECV", "RECVMSG", "READ", "RECV, registered file", "multishot RECV"]
        .map((operation) => `[Child/Unprivileged] Receiving by ${operation}...`),
      "[Child/Unprivileged] Receiving by multishot RECV, few buffers...",
      "  Packets received: 24/24",
      "[Child/Unprivileged] Receiving by RECV, restricted ring...",
      "[Child/Unprivileged] Trying every other operation on a restricted ring...",
      "  ✓ Every one is refused",
      "[Parent/Privileged] Starting a hardened worker that receives through a restricted ring...",
      "  Packets received: 5/5",
      "  ✓ A restricted ring receives and does nothing else",
      "  ✓ A hardened worker receives through such a ring",
      "✓ SUCCESS: io_uring works on the passed socket!",
      "✓ D7 (io_uring) is viable in an unprivileged worker (D24)",
    ];
    let from = 0;
    for (const line of expected) {
      const at = lines.indexOf(line, from);
      assert(at >= 0, `${JSON.stringify(line)} is missing after line ${from}:\n${stdout}`);
      from = at + 1;
    }
  },
);

for (
  const [why, ...args] of [
    ["--stimulus is none", "--stimulus", "none", "veth-fdpass"],
    ["its veth peer is not here", "lo"],
  ]
) {
  tests.add(root, `io-uring without a stimulus (${args.join(" ")}): exit 4`, async () => {
    const { code, stderr, stdout } = await fdpass(["-e", "io-uring", ...args]);
    assertMatch(stderr, new RegExp(`: ${why}\\n {2}.*scripts/netns\\.sh.*--stimulus`));
    assertEquals([code, stdout.includes("SUCCESS")], [4, false]);
  });
}
