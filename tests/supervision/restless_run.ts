/**
 * Waits for a worker that never settles to settle. Prints how the wait ended.
 *
 * @module
 */

import { parseCommandLine } from "../../lib/cli/command_line.ts";
import { hostOf, supervisor as experiment } from "../../lib/experiments/supervisor/experiment.ts";
import type { ParentRun } from "../../lib/harness/parent_run.ts";
import { ALL_PROTECTIONS } from "../../lib/confine/protections.ts";
import { runExperiment } from "../../lib/harness/run.ts";
import { requireStimulus } from "../../lib/host/interfaces.ts";
import { findSetting } from "../../lib/harness/setting.ts";
import { SteadyStimulus } from "../../lib/experiments/supervisor/stream.ts";
import { Supervisor } from "../../lib/experiments/supervisor/supervisor.ts";
import { printJson } from "../ffi/programs/print_json.ts";
import { pause } from "../support/pause.ts";

const RING = { blockSize: 1 << 14, blockCount: 64, retireTimeout: 8 };

/** How many frames the worker counted, and how many were sent. */
let seen = { counted: 0, sent: 0 };

async function parent(run: ParentRun): Promise<never> {
  const { link, stimulus, identity } = run.setting;
  using stream = new SteadyStimulus(requireStimulus(stimulus, link), 100);
  const { nonce } = stream;
  await using supervisor = new Supervisor(hostOf(run), {
    ifindex: link.ifindex,
    layer: link.layer,
    mode: "hash",
    protections: ALL_PROTECTIONS,
    ring: RING,
    keepsSockets: true,
    capacity: 1 << 20,
    nonce,
    work: 0,
  });
  const seat = await supervisor.add(identity);
  stream.start();
  await pause(500);
  stream.stop();
  try {
    await supervisor.settle();
  } finally {
    seen = { counted: seat.progress.count, sent: stream.sent };
  }
  throw new Error("The worker has settled");
}

const task = parseCommandLine(["-t", "4", "veth-fdpass"], [experiment]);
if (task.task !== "run") throw new Error(`Nothing to run: ${task.task}`);
const { error } = await runExperiment({ ...experiment, plan: [], parent }, {
  setting: findSetting(task.run, "", [experiment]),
  signal: new AbortController().signal,
  childModule: new URL("./restless_child.ts", import.meta.url).href,
});
printJson({ ...seen, error });
