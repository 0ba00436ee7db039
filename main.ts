/**
 * fdpass: arguments → experiment → report → exit status.
 *
 *     sudo deno run -A main.ts veth-fdpass
 *
 * @module
 */

import { HELP, type Manner, mannerOf, parseCommandLine, type RunTask } from "./lib/command_line.ts";
import type { Environment, Evidence, ExperimentEvidence } from "./lib/evidence.ts";
import type { Experiment } from "./lib/experiment.ts";
import { EXPERIMENTS } from "./lib/experiments/mod.ts";
import { interruption } from "./lib/interruption.ts";
import { Exit } from "./lib/outcome.ts";
import { isTerminal, wantsColor, write } from "./lib/output.ts";
import { ViewFiles } from "./lib/report/files.ts";
import { renderJson } from "./lib/report/json.ts";
import { renderExplanation } from "./lib/report/explain.ts";
import { renderList } from "./lib/report/list.ts";
import { renderTap } from "./lib/report/tap.ts";
import { renderFailure, renderText } from "./lib/report/text.ts";
import {
  CHILD_MODULE,
  environment,
  evidenceOf,
  evidenceOfFailure,
  type ExperimentOptions,
  requireFile,
  runExperiment,
} from "./lib/run.ts";
import { findSetting } from "./lib/setting.ts";
import { VERSION } from "./lib/version.ts";

async function runAll(
  task: RunTask,
  args: readonly string[],
  childModule: string,
): Promise<Evidence> {
  const { run, files, force } = task;
  const where = environment(run.interface, run.user, args);
  const results: ExperimentEvidence[] = [];
  try {
    requireFile(Deno.mainModule);
    const onTrace = task.trace ? await startTracing() : undefined;
    const setting = findSetting(
      run,
      ["deno run -A", Deno.mainModule.split("/").at(-1), ...args].join(" "),
    );
    using views = new ViewFiles(files, { force });
    const evidence = await runEach(
      task.experiments,
      { setting, childModule, onTrace, onWait: onTrace ? undefined : waiting(args) },
      where,
      results,
    );
    views.write(evidence);
    return evidence;
  } catch (error) {
    return evidenceOfFailure(where, error, results);
  }
}

/** What writes to the terminal of somebody who waits; `undefined` where nobody does, or wants the result alone. */
function waiting(args: readonly string[]): ((text: string) => void) | undefined {
  const { view, amount } = mannerOf(args);
  if (view !== "text" || amount === "quiet" || !isTerminal(Deno.stderr)) return undefined;
  return (text) => void write(Deno.stderr, text);
}

/** Traces this process; returns what prints a line of a child's trace. */
async function startTracing(): Promise<(line: string) => void> {
  const { startTrace } = await import("./lib/trace.ts");
  startTrace("parent");
  return (line) => void write(Deno.stderr, `[child]  ${line}\n`);
}

async function runEach(
  experiments: readonly Experiment[],
  how: Omit<ExperimentOptions, "signal">,
  where: Environment,
  results: ExperimentEvidence[],
): Promise<Evidence> {
  try {
    using interrupted = interruption();
    for (const experiment of experiments) {
      results.push(await runExperiment(experiment, { ...how, signal: interrupted.signal }));
    }
    return evidenceOf(where, results);
  } catch (error) {
    return evidenceOfFailure(where, error, results);
  }
}

async function answer(
  args: readonly string[],
  childModule: string,
): Promise<Evidence | string> {
  try {
    const task = parseCommandLine(args, EXPERIMENTS);
    switch (task.task) {
      case "help":
        return HELP;
      case "version":
        return `fdpass ${VERSION}\n`;
      case "list":
        return renderList(EXPERIMENTS, task.verbose);
      case "explain":
        return renderExplanation(task.id, EXPERIMENTS);
      case "run":
        return await runAll(task, args, childModule);
    }
  } catch (error) {
    return evidenceOfFailure(environment(null, null, args), error);
  }
}

function render(evidence: Evidence, { view, amount, color }: Manner): string {
  switch (view) {
    case "json":
      return renderJson(evidence);
    case "tap":
      return renderTap(evidence);
    case "text":
      return renderText(evidence, { amount, color: color && wantsColor(Deno.stdout) });
  }
}

/**
 * The parent's main program.
 *
 * @param args The command line.
 * @param childModule The module that the child runs: a `file:` URL.
 * @returns The exit status.
 */
export async function main(
  args: readonly string[],
  childModule: string = CHILD_MODULE,
): Promise<number> {
  const manner = mannerOf(args);
  const result = await answer(args, childModule);
  if (typeof result === "string") return write(Deno.stdout, result) ? Exit.PASS : Exit.INCONCLUSIVE;

  const { error, exit } = result;
  if (error !== null) write(Deno.stderr, renderFailure(error.message, error.remedy));
  if (write(Deno.stdout, render(result, manner))) return exit;
  write(Deno.stderr, renderFailure("Cannot write the report to standard output", null));
  return exit === Exit.PASS ? Exit.INCONCLUSIVE : exit;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
