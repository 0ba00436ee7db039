/**
 * The child of any experiment, which leaves processes behind and is as it should be otherwise. The query of its URL names which.
 *
 * @module
 */

import { runChild } from "../../lib/child.ts";
import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import { leaveProcesses, type Leaving } from "./leaving.ts";

const name = new URL(import.meta.url).search.slice(1) as Leaving | "honest";
const experiments = EXPERIMENTS.map((experiment) => ({
  ...experiment,
  child: (run: Parameters<typeof experiment.child>[0]) => {
    if (name !== "honest") leaveProcesses(name);
    return experiment.child(run);
  },
}));
Deno.exit(await runChild(experiments, Deno.args));
