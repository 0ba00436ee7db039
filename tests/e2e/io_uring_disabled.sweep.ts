/**
 * fdpass where an unprivileged process may not use io_uring: by what the setting reads, and by what
 * the kernel does. Neither reaches beyond the namespaces of the test.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { evidenceIn, inNamespace, type Outcome } from "../support/programs.ts";
import { FDPASS, refusing } from "./here.ts";

const tests = new TestsAhead();

const root = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };

/**
 * In the shell: replaces the text of a file under /proc/sys/kernel, in this mount namespace only.
 */
const saying = (setting: string, text: string) => [
  ...["sh", "-c"],
  `mount -t tmpfs none /mnt && echo ${text} >/mnt/text &&
   mount --bind /mnt/text /proc/sys/kernel/${setting} && exec "$0" "$@"`,
];
const DISABLED = saying("io_uring_disabled", "2");

/** io_uring is refused to everybody. */
const REFUSED = refusing("io_uring_setup", "EPERM");

const PLACES: [what: string, before: string[], reason: RegExp][] = [
  ["is disabled for all", DISABLED, /^io_uring is disabled \(kernel\.io_uring_disabled is 2\)$/],
  [
    "is disabled but for a group",
    saying("io_uring_disabled", "1"),
    /^io_uring is disabled \(kernel\.io_uring_disabled is 1\)$/,
  ],
  [
    "is that of Linux 6.4",
    saying("osrelease", "6.4.16-test"),
    /^Linux 6\.5 is needed .*; this is 6\.4\.16-test$/,
  ],
  [
    "is refused by a filter",
    REFUSED,
    /^io_uring_setup: .*\(EPERM\): perhaps by a system call filter$/,
  ],
  [
    "is disabled, and refused",
    [...DISABLED, ...REFUSED],
    /^io_uring is disabled \(kernel\.io_uring_disabled is 2\)$/,
  ],
];

const run = (before: string[], ...args: string[]): Promise<Outcome> =>
  inNamespace([...before, ...FDPASS, "-t", "60", ...args, "veth-fdpass"], { timeout: 120_000 });

for (const [what, before, reason] of PLACES) {
  for (const harden of [[], ["--harden"]]) {
    const hardened = harden.length > 0 ? ", hardened" : "";
    tests.add(root, `Where io_uring ${what}, io-uring is INCONCLUSIVE${hardened}`, async () => {
      const outcome = await run(before, "--json", "-e", "io-uring", ...harden);
      const { verdict, exit, experiments: [{ checks, conclusion }] } = evidenceIn(outcome);
      assertEquals([verdict, exit, outcome.code], ["INCONCLUSIVE", 4, 4]);
      assertEquals(conclusion, null);
      assert(checks.length === (harden.length > 0 ? 19 : 13), `${checks.length} checks`);
      for (const { id, status, observed } of checks) {
        assertEquals([id, status], [id, "skip"]);
        assertMatch(observed, reason);
      }
    });
  }

  tests.add(root, `Where io_uring ${what}, receive-paths leaves it out: PASS`, async () => {
    const outcome = await run(before, "--json", "-e", "receive-paths");
    const { verdict, experiments: [{ checks, error }] } = evidenceIn(outcome);
    assertEquals([verdict, outcome.code, error], ["PASS", 0, null]);
    const skipped = checks.filter(({ status }) => status === "skip");
    assertEquals(skipped.map(({ id }) => id as string), ["PATH-06", "PATH-07"]);
    for (const { observed } of skipped) assertMatch(observed, reason);
    assertEquals(checks.filter(({ status }) => status === "pass").length, 5);
  });

  for (const path of ["io-uring", "io-uring-multishot"]) {
    tests.add(root, `Where io_uring ${what}, --receive ${path} is exit 4`, async () => {
      const { code, stdout, stderr } = await run(before, "--receive", path);
      const [message, remedy, end] = stderr.split("\n");
      const start = `fdpass: A worker cannot receive by ${path} here: `;
      assert(message.startsWith(start), message);
      assertMatch(message.slice(start.length), reason);
      assertMatch(remedy, /^ {2}.*--receive/);
      assertEquals([code, stdout, end], [4, "", ""]);
    });
  }

  tests.add(root, `Where io_uring ${what}, the main job is PASS all the same`, async () => {
    assertEquals((await run(before, "-q")).code, 0);
  });
}

tests.add(
  root,
  "Where io_uring is disabled, the text report says so, without SUCCESS",
  async () => {
    const { code, stdout } = await run(DISABLED, "-e", "io-uring");
    assertEquals(code, 4);
    assertMatch(stdout, /No answer: io_uring is disabled/);
    assertMatch(stdout, /\n– INCONCLUSIVE[^]*\n– Neither validated nor refuted: D7, D24\n/);
    assert(!/SUCCESS|✓/.test(stdout));
  },
);

/**
 * Where fdpass is under a filter itself, the filter of a worker cannot be read, and HARD-05 is
 * skipped.
 */
const UNANSWERED = ["io-uring", "authority", "relay"];

tests.add(
  root,
  "Where io_uring is disabled, -e all is not a PASS, and reports the other experiments",
  async () => {
    const outcome = await run([...DISABLED, ...REFUSED], "--json", "-e", "all");
    const { verdict, experiments } = evidenceIn(outcome);
    assertEquals(
      experiments.map(({ name, verdict }) => [name, verdict]),
      EXPERIMENTS.map(({ name }) => [name, UNANSWERED.includes(name) ? "INCONCLUSIVE" : "PASS"]),
    );
    assertEquals([verdict, outcome.code], ["INCONCLUSIVE", 4]);
  },
);

tests.add(root, "Where io_uring is disabled, authority expects its refusals", async () => {
  const outcome = await run([...DISABLED, ...REFUSED], "--json", "-e", "authority");
  const { verdict, experiments: [{ matrix, checks }] } = evidenceIn(outcome);
  assertEquals([verdict, outcome.code], ["INCONCLUSIVE", 4]);
  assertEquals(checks.filter(({ status }) => status !== "pass").map(({ id }) => id), ["HARD-05"]);
  const rows = matrix!.rows.filter(({ operation }) => /io-uring|early/.test(operation));
  const outcomes = rows.map(({ operation, cells }) => [
    operation,
    [...new Set(Object.values(cells).map(({ outcome }) => outcome))],
  ]);
  assertEquals(outcomes, [
    ["io-uring", ["EPERM"]],
    ["io-uring-send", ["not tried"]],
    ["early-ring", ["not tried"]],
    ["early-personality", ["not tried"]],
    ["early-polled-ring", ["not tried"]],
  ]);
});
