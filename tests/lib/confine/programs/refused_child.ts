/**
 * The child of any experiment; at the stage "ready" it creates a UDP socket, which only the filter
 * of a hardened worker refuses.
 *
 * @module
 */

import { AF_INET, SOCK_CLOEXEC, SOCK_DGRAM } from "../../../../ffi/abi/constants.ts";
import { close } from "../../../../ffi/process/descriptor.ts";
import { socket } from "../../../../ffi/socket/calls.ts";
import { EXPERIMENTS } from "../../../../lib/experiments/mod.ts";
import { runChild } from "../../../../lib/harness/child_main.ts";
import type { ChildRun } from "../../../../lib/harness/child_run.ts";

const refused = EXPERIMENTS.map((experiment) => ({
  ...experiment,
  child(run: ChildRun) {
    const reached = run.reached.bind(run);
    run.reached = (stage, detail) => {
      if (stage === "ready") close(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      reached(stage, detail);
    };
    return experiment.child(run);
  },
}));

Deno.exit(await runChild(refused, Deno.args));
