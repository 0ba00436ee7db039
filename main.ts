/**
 * fdpass: arguments → experiment → report → exit status.
 *
 *     sudo deno run -A main.ts veth-fdpass
 *
 * @module
 */

import { HELP, mannerOf, parseCommandLine, type RunTask } from "./lib/command_line.ts";
import type { Evidence, ExperimentEvidence } from "./lib/evidence.ts";
import { EXPERIMENTS } from "./lib/experiments/mod.ts";
import { interruption } from "./lib/interruption.ts";
import { Exit } from "./lib/outcome.ts";
import { wantsColor, write } from "./lib/output.ts";
import { renderJson } from "./lib/report/json.ts";
import { renderList } from "./lib/report/list.ts";
import { renderFailure, renderText } from "./lib/report/text.ts";
import {
  environment,
  evidenceOf,
  evidenceOfFailure,
  requireFile,
  runExperiment,
} from "./lib/run.ts";
import { findSetting } from "./lib/setting.ts";
import { VERSION } from "./lib/version.ts";

async function runAll({ experiments, run }: RunTask, args: readonly string[]): Promise<Evidence> {
  const where = environment(run.interface, run.user);
  const results: ExperimentEvidence[] = [];
  try {
    requireFile(Deno.mainModule);
    const setting = findSetting(run, ["deno run -A main.ts", ...args].join(" "));
    using interrupted = interruption();
    for (const experiment of experiments) {
      results.push(await runExperiment(experiment, { setting, signal: interrupted.signal }));
    }
    return evidenceOf(where, results);
  } catch (error) {
    return evidenceOfFailure(where, error, results);
  }
}

async function answer(args: readonly string[]): Promise<Evidence | string> {
  try {
    const task = parseCommandLine(args, EXPERIMENTS);
    switch (task.task) {
      case "help":
        return HELP;
      case "version":
        return `fdpass ${VERSION}\n`;
      case "list":
        return renderList(EXPERIMENTS);
      case "run":
        return await runAll(task, args);
    }
  } catch (error) {
    return evidenceOfFailure(environment(null, null), error);
  }
}

/** Returns the exit status. */
async function main(args: readonly string[]): Promise<number> {
  const manner = mannerOf(args);
  const result = await answer(args);
  if (typeof result === "string") return write(Deno.stdout, result) ? Exit.PASS : Exit.INCONCLUSIVE;

  const { error, exit } = result;
  if (error !== null) write(Deno.stderr, renderFailure(error.message, error.remedy));
  const color = manner.color && wantsColor(Deno.stdout);
  const report = manner.json ? renderJson(result) : renderText(result, { ...manner, color });
  if (write(Deno.stdout, report)) return exit;
  write(Deno.stderr, renderFailure("Cannot write the report to standard output", null));
  return exit === Exit.PASS ? Exit.INCONCLUSIVE : exit;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
