/**
 * Runs the hardened column of `authority`, with a defect or without some protections, and prints
 * its evidence. With `--whole` it runs all columns.
 *
 *     deno run -A tests/refutations/authority_run.ts DEFECT [PROTECTION…]
 *     deno run -A tests/refutations/authority_run.ts --whole DEFECT
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { parseCommandLine } from "../../lib/cli/command_line.ts";
import { authority, parent } from "../../lib/experiments/authority/experiment.ts";
import { COLUMNS, HARDENED } from "../../lib/experiments/authority/expected_outcome.ts";
import { ALL_PROTECTIONS } from "../../lib/confine/protections.ts";
import { renderJson } from "../../lib/report/json.ts";
import { environment, evidenceOf, runExperiment } from "../../lib/harness/run.ts";
import { findSetting } from "../../lib/harness/setting.ts";

const { whole, _: [defect, ...omitted] } = parseArgs(Deno.args, { boolean: ["whole"] });
const chosen = ALL_PROTECTIONS.filter((protection) => !omitted.includes(protection));
const columns = whole ? COLUMNS : [{ name: HARDENED, chosen }];
const task = parseCommandLine(["--timeout", "60", "veth-fdpass"], [authority]);
if (task.task !== "run") throw new Error(`Nothing to run: ${task.task}`);
const evidence = evidenceOf(environment(task.run.interface, task.run.user), [
  await runExperiment(
    { ...authority, parent: (run) => parent(run, columns) },
    {
      setting: findSetting(task.run, "", [authority]),
      signal: new AbortController().signal,
      childModule: new URL(`./authority_child.ts?${defect}`, import.meta.url).href,
    },
  ),
]);
await Deno.stdout.write(new TextEncoder().encode(renderJson(evidence)));
Deno.exit(evidence.exit);
