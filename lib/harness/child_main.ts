/**
 * The child's main program: finds its end of the control channel, runs the child's part of one
 * experiment, and exits. Its only input is its arguments; its environment is empty.
 *
 *     deno run … lib/experiments/privilege_drop/experiment.ts EXPERIMENT CHANNEL_FD MILLISECONDS
 *     [structures|calls]
 *
 * The main module is that of the experiment, so the child loads no code of the other experiments.
 *
 * @module
 */

import { alarm } from "../../ffi/process/clock.ts";
import { setsid } from "../../ffi/process/process.ts";
import { restoreDefaultSignals } from "../../ffi/process/signals.ts";
import { ChildRun } from "./child_run.ts";
import type { Experiment } from "./experiment.ts";

/** How long after the end of the run the kernel ends a child that is still running, in seconds. */
const GRACE = 1;

/**
 * Runs the child's part.
 *
 * @param experiments The experiments that the first argument may name.
 * @param args The program's arguments.
 * @returns The exit status: 0; 1 if the part failed, which is reported to the parent; 2 for wrong
 * arguments.
 */
export async function runChild(
  experiments: readonly Experiment[],
  args: readonly string[],
): Promise<number> {
  const [name, channelFd, milliseconds, traced] = args;
  const experiment = experiments.find((each) => each.name === name);
  if (experiment === undefined || !/^\d+$/.test(channelFd) || !/^\d+$/.test(milliseconds)) return 2;

  const run = new ChildRun(Number(channelFd), performance.now() + Number(milliseconds));
  try {
    restoreDefaultSignals(); // it handles none, and SIGTERM must end it under any seccomp filter
    if (traced === "structures" || traced === "calls") {
      (await import("./trace/local.ts")).traceChild(traced);
    }
    // Whatever happens here (the program hangs, the parent dies), the kernel ends this process.
    alarm(Math.ceil(Number(milliseconds) / 1000) + GRACE);
    // Deno.Command's `detached` would also drop the supplementary groups, and DROP-01 would show
    // nothing about setgroups(2).
    setsid();
    run.start();
    await experiment.child(run);
    return 0;
  } catch (error) {
    run.failed(error);
    return 1;
  }
}
