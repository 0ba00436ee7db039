/**
 * From the arguments to experiments, to the report, to the exit status.
 *
 * @module
 */

import { SIGCHLD } from "../../ffi/abi/constants.ts";
import { blockSignals, stopIgnoring } from "../../ffi/process/signals.ts";
import { type OutputStyle, outputStyleOf, parseCommandLine, type RunTask } from "./command_line.ts";
import { HELP } from "./help.ts";
import { EXPLAINED } from "./explained.ts";
import { runInspection } from "./inspect_task.ts";
import type { Environment, Evidence, ExperimentEvidence } from "../evidence/evidence.ts";
import type { Experiment } from "../harness/experiment.ts";
import { EXPERIMENTS } from "../experiments/mod.ts";
import { interruption, keepIgnored } from "../harness/interruption.ts";
import { progressOn } from "./live.ts";
import { adoptOrphans } from "../harness/orphans.ts";
import { Exit } from "../evidence/errors.ts";
import { canHavePidNamespaces } from "../harness/pid_namespace.ts";
import { showChildFiles } from "../harness/process.ts";
import { isTerminal, terminalColumns, wantsColor, write, writePatiently } from "../host/streams.ts";
import { ViewFiles } from "./view_files.ts";
import { renderJson } from "../report/json.ts";
import { renderExplanation } from "../report/explain.ts";
import { renderList } from "../report/list.ts";
import { renderTap } from "../report/tap.ts";
import { renderFailure, renderText } from "../report/text.ts";
import {
  environment,
  evidenceOf,
  evidenceOfFailure,
  requireFile,
  runExperiment,
  type RunExperimentOptions,
  type ShowProgress,
} from "../harness/run.ts";
import { findSetting } from "../harness/setting.ts";
import { requireProc } from "../host/proc.ts";
import type { Tracing } from "../harness/trace/hub.ts";
import { VERSION } from "../evidence/version.ts";

async function runAll(
  task: RunTask,
  args: readonly string[],
  childModule: string | undefined,
): Promise<Evidence> {
  const { run, files, force } = task;
  let where = environment(run.interface, run.user, args);
  const results: ExperimentEvidence[] = [];
  try {
    blockSignals();
    Deno.umask(0o077); // an umask of 777 would close the child's own cache to it
    requireFile(Deno.mainModule);
    const tracing = await startTracing(task);
    requireProc();
    const setting = findSetting(
      run,
      [Deno.execPath(), "run -A", Deno.mainModule.split("/").at(-1), ...args].join(" "),
      EXPERIMENTS,
    );
    const { name, layer, kind, mtu } = setting.link;
    where = { ...where, link: { name, layer, kind, mtu } };
    const modules = task.experiments.map(({ module }) => childModule ?? module);
    await using childFiles = await showChildFiles(modules);
    if (!canHavePidNamespaces()) adoptOrphans();
    using views = new ViewFiles(files, { force });
    const evidence = await runEach(
      task.experiments,
      {
        setting,
        childModule,
        childFiles,
        tracing,
        showProgress: task.trace ? undefined : progressFor(args),
      },
      where,
      results,
    );
    views.write(evidence);
    return evidence;
  } catch (error) {
    return evidenceOfFailure(where, error, results);
  }
}

/** Shows progress on standard error, unless only the result is wanted. */
function progressFor(args: readonly string[]): ShowProgress | undefined {
  const { view, amount } = outputStyleOf(args);
  if (view !== "text" || amount === "quiet") return undefined;
  return progressOn({
    write: (text) => void write(Deno.stderr, text),
    columns: isTerminal(Deno.stderr) ? terminalColumns() : undefined,
  });
}

/**
 * Starts to trace the calls of this process, if they are wanted: for `--trace`, or for the diagram
 * of the page.
 */
async function startTracing({ trace, files }: RunTask): Promise<Tracing | undefined> {
  if (!trace && files.report === undefined) return undefined;
  const { Tracing } = await import("../harness/trace/hub.ts");
  const tracing = new Tracing(trace);
  await tracing.start();
  return tracing;
}

async function runEach(
  experiments: readonly Experiment[],
  how: Omit<RunExperimentOptions, "signal" | "settled">,
  where: Environment,
  results: ExperimentEvidence[],
): Promise<Evidence> {
  try {
    const { signal, settled } = interruption();
    for (const experiment of experiments) {
      results.push(await runExperiment(experiment, { ...how, signal, settled }));
    }
    return evidenceOf(where, results);
  } catch (error) {
    return evidenceOfFailure(where, error, results);
  }
}

async function answer(
  args: readonly string[],
  childModule: string | undefined,
): Promise<Evidence | string> {
  try {
    const task = parseCommandLine(args, EXPERIMENTS);
    switch (task.task) {
      case "help":
        return HELP;
      case "version":
        return `fdpass ${VERSION}\n`;
      case "list":
        return renderList(task.verbose ? EXPLAINED : EXPERIMENTS, task.verbose);
      case "explain":
        return renderExplanation(task.id, EXPLAINED);
      case "inspect":
        return await runInspection(task, args);
      case "run":
        return await runAll(task, args, childModule);
    }
  } catch (error) {
    return evidenceOfFailure(environment(null, null, args), error);
  }
}

function render(evidence: Evidence, { view, amount, color }: OutputStyle): string {
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
 * Ends the process with the status of a defect if an error reaches no other code. Deno itself would
 * exit with 1, the status of a FAIL.
 */
function endWithUncaught(args: readonly string[], style: OutputStyle): void {
  const end = (event: Event, cause: unknown) => {
    event.preventDefault();
    const uncaught = new Error(`uncaught: ${cause}`);
    const evidence = evidenceOfFailure(environment(null, null, args), uncaught);
    write(Deno.stderr, renderFailure(evidence.error!.message, evidence.error!.remedy));
    write(Deno.stdout, render(evidence, style));
    Deno.exit(evidence.exit);
  };
  addEventListener("error", (event) => end(event, event.error));
  addEventListener("unhandledrejection", (event) => end(event, event.reason));
}

/** The umask of a run: what it writes belongs to its owner alone, who can read it. */
const OWNER_ALONE = 0o077;

/**
 * The main program of the parent.
 *
 * @param args The command line.
 * @param childModule The child's main module, a `file:` URL, if not that of its experiment.
 * @returns The exit status.
 */
export async function main(
  args: readonly string[],
  childModule?: string,
): Promise<number> {
  keepIgnored();
  stopIgnoring(SIGCHLD); // or no child could be waited for
  Deno.umask(OWNER_ALONE);
  const style = outputStyleOf(args);
  endWithUncaught(args, style);
  const result = await answer(args, childModule);
  if (typeof result === "string") return await deliver(result, Exit.PASS);

  const { error, exit } = result;
  if (error !== null) write(Deno.stderr, renderFailure(error.message, error.remedy));
  return await deliver(render(result, style), exit);
}

/**
 * Prints the result. Returns the exit status, which is not 0 if the result could not be printed.
 */
async function deliver(text: string, exit: number): Promise<number> {
  const failure = await writePatiently(Deno.stdout, text, interruption().signal);
  if (failure === null) return exit;
  write(Deno.stderr, renderFailure(`Cannot write the report to standard output: ${failure}`, null));
  return exit === Exit.PASS ? Exit.INCONCLUSIVE : exit;
}
