/**
 * The hardened column of the experiment `authority`, with a fault or without some protections: prints its evidence.
 *
 *     deno run -A tests/faults/authority_run.ts FAULT [PROTECTION…]
 *
 * @module
 */

import { parseCommandLine } from "../../lib/command_line.ts";
import { authority, parent } from "../../lib/experiments/authority.ts";
import { ALL_PROTECTIONS } from "../../lib/protections.ts";
import { renderJson } from "../../lib/report/json.ts";
import { environment, evidenceOf, runExperiment } from "../../lib/run.ts";
import { findSetting } from "../../lib/setting.ts";

const [fault, ...omitted] = Deno.args;
const chosen = ALL_PROTECTIONS.filter((protection) => !omitted.includes(protection));
const task = parseCommandLine(["--timeout", "60", "veth-fdpass"], [authority]);
if (task.task !== "run") throw new Error(`Nothing to run: ${task.task}`);
const evidence = evidenceOf(environment(task.run.interface, task.run.user), [
  await runExperiment(
    { ...authority, parent: (run) => parent(run, [{ name: "hardened", chosen }]) },
    {
      setting: findSetting(task.run, ""),
      signal: new AbortController().signal,
      childModule: new URL(`./authority_child.ts?${fault}`, import.meta.url).href,
    },
  ),
]);
await Deno.stdout.write(new TextEncoder().encode(renderJson(evidence)));
Deno.exit(evidence.exit);
