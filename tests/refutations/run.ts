/**
 * Runs an experiment with one defect, and prints its evidence.
 *
 *     deno run -A tests/refutations/run.ts EXPERIMENT/NAME [ARG…]
 *
 * The arguments are those of fdpass; by default, the interface `veth-fdpass`.
 *
 * @module
 */

import { parseCommandLine } from "../../lib/cli/command_line.ts";
import { renderJson } from "../../lib/report/json.ts";
import { environment, evidenceOf, runExperiment } from "../../lib/harness/run.ts";
import { findSetting } from "../../lib/harness/setting.ts";
import { REFUTATIONS } from "./all.ts";

const [name, ...given] = Deno.args;
const { experiment, harden = false, timeout = 30 } = REFUTATIONS[name];
const limit = given.includes("--timeout") ? [] : ["--timeout", String(timeout)];
const args = [...limit, ...harden ? ["--harden"] : []];
const task = parseCommandLine(
  [...args, ...given.length === 0 ? ["veth-fdpass"] : given],
  [experiment],
);
if (task.task !== "run") throw new Error(`Nothing to run: ${task.task}`);
const evidence = evidenceOf(environment(task.run.interface, task.run.user), [
  await runExperiment(experiment, {
    setting: findSetting(task.run, "", [experiment]),
    signal: new AbortController().signal,
    childModule: new URL(`./child.ts?${name}`, import.meta.url).href,
  }),
]);
await Deno.stdout.write(new TextEncoder().encode(renderJson(evidence)));
Deno.exit(evidence.exit);
