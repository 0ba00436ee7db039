/** `--receive` changes nothing in the results of the other experiments. */

import { assertEquals } from "@std/assert";
import type { ExperimentEvidence } from "../../lib/evidence/evidence.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { passed } from "./passed.ts";

const tests = new TestsAhead();
const hardening = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };

/** Each path of `--receive`, and who stamps its packets. */
const STAMPS = {
  "recvmsg": "kernel",
  "recvfrom": "child",
  "recvmmsg": "kernel",
  "tpacket-v3": "kernel",
  "io-uring": "child",
  "io-uring-multishot": "child",
} as const;
const PATHS = Object.keys(STAMPS) as (keyof typeof STAMPS)[];

for (const path of PATHS) {
  for (const harden of [[], ["--harden"]]) {
    const args = ["--receive", path, ...harden];
    tests.add(hardening, `privilege-drop ${args.join(" ")} is PASS`, async () => {
      const { checks, packets } = await passed("privilege-drop", ...args);
      assertEquals(checks.filter(({ status }) => status !== "pass"), []);
      assertEquals(checks.length, harden.length === 0 ? 14 : 19);
      const ours = packets.filter(({ ours }) => ours);
      assertEquals(new Set(ours.map(({ stamped_by }) => stamped_by)), new Set([STAMPS[path]]));
      assertEquals(ours.filter(({ after_drop }) => after_drop).length, 5);
    });
  }
}

/** The outcome of each operation in each column, as words. */
function cells({ matrix }: ExperimentEvidence): Record<string, string> {
  return Object.fromEntries(
    matrix!.rows.flatMap(({ operation, cells }) =>
      Object.entries(cells).map(([column, { outcome }]) => [`${operation}, ${column}`, outcome])
    ),
  );
}

let usual: Promise<ExperimentEvidence> | undefined;
const usualAuthority = () => usual ??= passed("authority");

for (const path of PATHS.filter((path) => path !== "recvmsg")) {
  tests.add(hardening, `authority --receive ${path} has the same outcomes`, async () => {
    const before = cells(await usualAuthority());
    const experiment = await passed("authority", "--receive", path);
    const turned = Object.entries(cells(experiment)).filter(([cell, outcome]) =>
      outcome !== before[cell]
    );
    // A worker that receives by a ring may enter the early ring by its old number; nothing comes of
    // it.
    const byRing = path.startsWith("io-uring")
      ? [["early-ring, hardened", "no effect"], ["early-personality, hardened", "no effect"]]
      : [];
    assertEquals(turned, byRing);
    const ours = experiment.packets.filter(({ ours }) => ours);
    assertEquals(new Set(ours.map(({ stamped_by }) => stamped_by)), new Set([STAMPS[path]]));
  });
}
