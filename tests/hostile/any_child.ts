/**
 * A child of any experiment, honest except for the misdeed that the query of its URL names.
 *
 * @module
 */

import { runChild } from "../../lib/harness/child_main.ts";
import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import { type Misdeed, MISDEEDS } from "./any_experiment.ts";

const name = new URL(import.meta.url).search.slice(1) as Misdeed;
const experiments = EXPERIMENTS.map((experiment) => ({
  ...experiment,
  child: (run: Parameters<typeof experiment.child>[0]) => {
    MISDEEDS[name](run);
    return experiment.child(run);
  },
}));
Deno.exit(await runChild(experiments, Deno.args));
