/**
 * A signal at every message boundary of a run, on either side: the run ends in time, with the right
 * status, and leaves nothing behind.
 */

import { assert, assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import {
  type Event,
  PROBLEMS,
  problemsOf,
  type SignalCase,
  type SignalRecord,
  tableOf,
} from "./judge.ts";
import { boundariesOf, runCase } from "./runs.ts";

const needs = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };

/** Which experiment is swept, and how densely. */
interface Sweep {
  readonly experiment: string;
  readonly args: readonly string[];
  /** The `--timeout` in seconds: of a run that should not need it, and of one that ends by it. */
  readonly timeouts: readonly [generous: number, short: number];
  /** How many boundaries are tried, evenly spread; all of them by default. */
  readonly sample?: number;
  readonly events: Readonly<Record<SignalCase["side"], readonly Event[]>>;
}

const SWEEPS: readonly Sweep[] = [{
  experiment: "privilege-drop",
  args: ["-e", "privilege-drop"],
  timeouts: [60, 4],
  events: {
    parent: ["SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE", "SIGSTOP+SIGCONT", "SIGKILL"],
    child: ["SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE", "SIGSTOP+SIGCONT", "SIGSTOP", "SIGKILL"],
  },
}, {
  experiment: "io-uring",
  args: ["-e", "io-uring"],
  timeouts: [60, 4],
  sample: 6,
  events: {
    parent: ["SIGINT", "SIGSTOP+SIGCONT", "SIGKILL"],
    child: ["SIGTERM", "SIGSTOP", "SIGKILL"],
  },
}, {
  // Its own tests kill the workers.
  experiment: "supervisor",
  args: ["-e", "supervisor", "--kills", "1"],
  timeouts: [60, 60],
  sample: 6,
  events: { parent: ["SIGINT", "SIGKILL"], child: [] },
}];

/** How many runs are under way at once; some of them only wait. */
const AT_ONCE = 4;

async function sweep({ experiment, args, timeouts, sample, events }: Sweep) {
  const count = Math.min(await boundariesOf(args), await boundariesOf(args));
  const boundaries = Array.from({ length: count }, (_, i) => i + 1)
    .filter((each) => sample === undefined || each % Math.ceil(count / sample) === 1);
  const cases = boundaries.flatMap((boundary) =>
    (["parent", "child"] as const).flatMap((side) =>
      events[side].map((event) => ({ experiment, side, event, boundary, args }))
    )
  );
  const records: SignalRecord[] = [];
  const queue = cases.values();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (const each of queue) {
      records.push(await runCase({ ...each, timeout: timeouts[each.event === "SIGSTOP" ? 1 : 0] }));
    }
  }));
  return { records, expected: cases.length };
}

for (const each of SWEEPS) {
  testNeeding(
    needs,
    `${each.experiment}: a signal at ${
      each.sample === undefined ? "every message boundary" : "message boundaries"
    } ends it in order, or not at all`,
    async () => {
      const { records, expected } = await sweep(each);
      assert(expected > 10, `${expected} runs`);
      await Deno.stdout.write(new TextEncoder().encode(`\n${tableOf(records)}\n`));
      assertEquals(records.length, expected);
      const wrong = records.map((record) => ({ ...record, problems: problemsOf(record) }))
        .filter(({ problems }) => problems.length > 0);
      const counts = PROBLEMS.map((kind) => [
        kind,
        wrong.filter(({ problems }) => problems.includes(kind)).length,
      ]);
      const examples = JSON.stringify(wrong.slice(0, 20), null, 1);
      assertEquals(counts.filter(([, count]) => count !== 0), [], examples);
    },
  );
}
