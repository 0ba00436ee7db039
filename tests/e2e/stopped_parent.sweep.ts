/**
 * The parent is stopped, as by Ctrl-Z, while its workers go on: that refutes nothing, whether the
 * time of the run is over by then or not.
 */

import { assertEquals } from "@std/assert";
import { pause } from "../support/pause.ts";
import { evidenceIn } from "../support/programs.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { FDPASS } from "./here.ts";
import { Running, stopParentOf, until, workersOf } from "./processes.ts";

const root = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };
const tests = new TestsAhead();

const EXPERIMENTS = [
  ...["privilege_drop", "io_uring", "receive_paths", "supervisor", "relay", "authority"],
];

/**
 * How long the parent is stopped: longer than its patience with a child, and in the short run until
 * after the child's alarm(2).
 */
const STOP = 5500;

for (const experiment of EXPERIMENTS) {
  for (const limit of [3, 60]) {
    for (const delay of [0, 100]) {
      tests.add(
        root,
        `${experiment} in ${limit} s: the parent is stopped ${delay} ms after a worker has started`,
        async () => {
          await using run = new Running([
            ...["scripts/netns.sh", ...FDPASS, "--json", "-t", String(limit)],
            ...["-e", experiment.replace("_", "-"), "veth-fdpass"],
          ]);
          const workers = () => workersOf(run.pid, experiment);
          await until("there is a worker", () => workers().length > 0, 60_000);
          await pause(delay);
          const [worker] = workers();
          if (worker !== undefined) await stopParentOf(worker, STOP);
          const outcome = await run.ended();
          const { experiments: [{ verdict, error }] } = evidenceIn(outcome);
          if (verdict === "INCONCLUSIVE") assertEquals([outcome.code, error === null], [4, false]);
          else assertEquals([verdict, error, outcome.code], ["PASS", null, 0]);
        },
      );
    }
  }
}
