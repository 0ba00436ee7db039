/**
 * A hardened run of an experiment whose worker makes a call that the filter refuses: prints its
 * evidence.
 *
 *     deno run -A tests/lib/confine/programs/refused_run.ts EXPERIMENT
 *
 * @module
 */

import { parseCommandLine } from "../../../../lib/cli/command_line.ts";
import { EXPERIMENTS } from "../../../../lib/experiments/mod.ts";
import { environment, evidenceOf, runExperiment } from "../../../../lib/harness/run.ts";
import { findSetting } from "../../../../lib/harness/setting.ts";
import { renderJson } from "../../../../lib/report/json.ts";

const [name] = Deno.args;
const experiment = EXPERIMENTS.find((each) => each.name === name)!;
const args = ["--timeout", "30", ...experiment.alwaysHardens ? [] : ["--harden"], "veth-fdpass"];
const task = parseCommandLine(args, [experiment]);
if (task.task !== "run") throw new Error(`Nothing to run: ${task.task}`);
const evidence = evidenceOf(environment(task.run.interface, task.run.user), [
  await runExperiment(experiment, {
    setting: findSetting(task.run, "", [experiment]),
    signal: new AbortController().signal,
    childModule: new URL("./refused_child.ts", import.meta.url).href,
  }),
]);
await Deno.stdout.write(new TextEncoder().encode(renderJson(evidence)));
Deno.exit(evidence.exit);
