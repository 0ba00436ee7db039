/**
 * The child's main program: it finds its end of the control channel, runs the child's part of one experiment, and
 * ends. It is told nothing in its environment and has no way to be told more than its arguments say.
 *
 *     deno run … lib/experiments/privilege_drop/experiment.ts EXPERIMENT CHANNEL_FD MILLISECONDS [structures|calls]
 *
 * The main module is that of the experiment: what the others need would be read and compiled for nothing, and its cache of its own spares
 * the child none of that.
 *
 * @module
 */

import { alarm } from "../../ffi/process/clock.ts";
import { setsid } from "../../ffi/process/process.ts";
import { restoreDefaultSignals } from "../../ffi/process/signals.ts";
import { ChildRun } from "./child_run.ts";
import type { Experiment } from "./experiment.ts";

/** How long after the end of the run the kernel ends a child that is still there, in seconds. */
const GRACE = 1;

/**
 * Runs the child's part.
 *
 * @param experiments Those that may be asked for.
 * @param args The program's arguments.
 * @returns The exit status: 0, or 1 if the part did not come to its end, which the parent has then been told.
 */
export async function runChild(
  experiments: readonly Experiment[],
  args: readonly string[],
): Promise<number> {
  const [name, channelFd, milliseconds, traced] = args;
  const experiment = experiments.find((each) => each.name === name);
  if (experiment === undefined || !/^\d+$/.test(channelFd) || !/^\d+$/.test(milliseconds)) return 2;

  const run = new ChildRun(Number(channelFd), Date.now() + Number(milliseconds));
  try {
    restoreDefaultSignals(); // it listens for none, and is to end by SIGTERM under any filter
    if (traced === "structures" || traced === "calls") {
      (await import("./trace/local.ts")).traceChild(traced);
    }
    // Whatever happens here, a hanging program and a dead parent included, the kernel puts an end to it.
    alarm(Math.ceil(Number(milliseconds) / 1000) + GRACE);
    // Not by Deno.Command's `detached`, which takes the supplementary groups as well: DROP-01 would show nothing of setgroups(2).
    setsid();
    await experiment.child(run);
    return 0;
  } catch (error) {
    run.failed(error);
    return 1;
  }
}
