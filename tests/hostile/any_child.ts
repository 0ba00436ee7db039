/**
 * A hostile child of any experiment, which is as it should be but for one thing. The query of its URL names that.
 *
 * @module
 */

import { runChild } from "../../lib/harness/child_main.ts";
import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import { ANYWHERE, type Anywhere } from "./any_experiment.ts";

const name = new URL(import.meta.url).search.slice(1) as Anywhere;
const experiments = EXPERIMENTS.map((experiment) => ({
  ...experiment,
  child: (run: Parameters<typeof experiment.child>[0]) => {
    ANYWHERE[name](run);
    return experiment.child(run);
  },
}));
Deno.exit(await runChild(experiments, Deno.args));
