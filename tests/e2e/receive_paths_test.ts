/** The results of the experiment `receive-paths`, and the effect of `--receive`. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ExperimentEvidence } from "../../lib/evidence/evidence.ts";
import { RECEIVE_PATHS } from "../../lib/receive/mod.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { fdpass } from "../support/programs.ts";
import { passed } from "./passed.ts";

const tests = new TestsAhead();

const root = { root: true, programs: { ip: "iproute2" } };
const hardening = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };
const PATIENT = { timeout: 120_000 };

/** Each path as the figures name it, in the order of the checks. */
const WAYS = [
  ...["recvmsg", "recvfrom", "recvmmsg", "tpacket-v3", "tpacket-v3, set up by the parent"],
  ...["io-uring", "io-uring-multishot"],
];
const CHECKS = WAYS.map((_, i) => `PATH-0${i + 1}`);

function assertWhole({ checks, figures }: ExperimentEvidence, frames: number): void {
  for (const { id, status, evidence } of checks.filter(({ id }) => id.startsWith("PATH"))) {
    assertEquals([id, status], [id, "pass"]);
    const { sent, received, lost, again, disordered, unprivileged } = evidence;
    assertEquals([sent, received, lost, again, disordered], [frames, frames, 0, 0, 0], id);
    assertEquals(unprivileged, true, id);
  }
  for (const way of WAYS) {
    assertEquals(figures[`${way}: drops`], 0, way);
    assert(figures[`${way}: packets`] >= frames, `${way}: ${figures[`${way}: packets`]}`);
  }
}

tests.add(root, "receive-paths is PASS, with every frame by every path", async () => {
  const experiment = await passed("receive-paths");
  assertEquals(experiment.checks.map(({ id }) => id as string), CHECKS);
  assertEquals(experiment.decisions, ["D1", "D7"]);
  assertWhole(experiment, 1000);
});

tests.add(hardening, "receive-paths --harden is PASS, with confined workers", async () => {
  const experiment = await passed("receive-paths", "--harden", "-n", "2000");
  const ids = experiment.checks.map(({ id }) => id as string);
  assertEquals(ids, [...CHECKS, "HARD-01", "HARD-02", "HARD-03", "HARD-04", "HARD-05"]);
  assertWhole(experiment, 2000);
});

for (const args of [[], ["--harden"]]) {
  tests.add(hardening, `The text report has each path ${args.join("")}`, async () => {
    const { code, stdout, stderr } = await fdpass(
      ["-t", "60", "-e", "receive-paths", ...args, "veth-fdpass"],
      PATIENT,
    );
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^=== Receive Paths Experiment ===\n/);
    WAYS.forEach((way, i) => {
      const lines = [
        `[Parent/Privileged] Receiving by ${way}...`,
        "  ✓ 1000 frames of 60 to 1514 bytes",
        `    · ✓ PATH-0${i + 1} 1000 of 1000 frames; 0 duplicated, 0 out of order, `,
      ];
      assert(stdout.includes(lines.join("\n")), `${lines.join("\n")}\n is missing:\n${stdout}`);
    });
    for (const path of Object.keys(RECEIVE_PATHS)) {
      assert(stdout.includes(`\n  - ${path}: every frame once, in order, byte for byte\n`), path);
    }
    assertMatch(stdout, /\n✓ SUCCESS: /);
    assertEquals(stdout.includes("  ✓ The workers were confined\n"), args.length > 0);
  });
}

for (
  const [path, looked] of [
    ["tpacket-v3", ["PATH-04", "PATH-05"]],
    ["recvfrom", ["PATH-02"]],
    ["io-uring-multishot", ["PATH-07"]],
  ] as const
) {
  tests.add(root, `receive-paths --receive ${path} tries that path only`, async () => {
    const { checks } = await passed("receive-paths", "--receive", path);
    for (const { id, status, observed } of checks) {
      if ((looked as readonly string[]).includes(id)) assertEquals([id, status], [id, "pass"]);
      else assertEquals([id, status, observed], [id, "skip", `--receive ${path}`]);
    }
  });
}

for (
  const [why, ...args] of [
    ["--stimulus is none", "--stimulus", "none", "veth-fdpass"],
    ["its veth peer is not here", "lo"],
  ]
) {
  tests.add(root, `receive-paths without a stimulus (${args.join(" ")}): exit 4`, async () => {
    const { code, stderr, stdout } = await fdpass(["-e", "receive-paths", ...args]);
    assertMatch(stderr, new RegExp(`: ${why}\\n {2}.*scripts/netns\\.sh.*--stimulus`));
    assertEquals([code, stdout.includes("SUCCESS")], [4, false]);
  });
}
