/**
 * A whole run: the experiments one after another, each with an end, and the evidence of all.
 *
 * @module
 */

import { DescriptorError, libcVersion, SystemError } from "../ffi/mod.ts";
import { CONFINEMENT_CHECKS } from "./confinement.ts";
import { type Environment, type Evidence, type ExperimentEvidence, overall } from "./evidence.ts";
import type { Experiment } from "./experiment.ts";
import { counted, LiveLine } from "./live.ts";
import { CannotAnswer, Exit, ExperimentError, UsageError } from "./outcome.ts";
import { ParentRun, type RunContext } from "./parent_run.ts";
import { ExperimentRecord } from "./record.ts";
import type { Setting } from "./setting.ts";
import { VERSION } from "./version.ts";

/** The module that a child runs. */
export const CHILD_MODULE = new URL("./child.ts", import.meta.url).href;

/**
 * Makes sure that the child will be the same program as the parent.
 *
 * @param mainModule The URL of the program.
 * @throws {UsageError} If it was read from standard input or from the network: it cannot start itself again.
 */
export function requireFile(mainModule: string): void {
  if (mainModule.startsWith("file:") && !mainModule.includes("/$deno$stdin")) return;
  throw new UsageError(
    "fdpass was not started from a file, so it cannot start itself again as the child: " +
      "save it, and give its path to deno run",
  );
}

/** Where and for whom: what can be said before anything is looked up. */
export function environment(
  interfaceName: string | null,
  user: string | null,
  args: readonly string[] = [],
): Environment {
  return {
    kernel: Deno.osRelease(),
    arch: Deno.build.arch,
    deno: Deno.version.deno,
    libc: `glibc ${libcVersion()}`,
    interface: interfaceName,
    user,
    args,
    started: new Date().toISOString(),
  };
}

/** The longest that an experiment may take if nothing else is said of it, in seconds. */
const USUAL_TIMEOUT = 10;

/** How {@linkcode runExperiment} runs. */
export interface ExperimentOptions {
  readonly setting: Setting;
  /** Ends the run early; its reason is an `Error`. */
  readonly signal: AbortSignal;
  /** The module that the child runs, if not the usual one: tests have children of their own. */
  readonly childModule?: string;
  /** Is given each line of the children's traces, if they are to be traced. */
  readonly onTrace?: ((line: string) => void) | undefined;
  /** Writes to a terminal on which somebody waits, if there is one. */
  readonly onWait?: ((text: string) => void) | undefined;
}

/**
 * Runs one experiment to its end, which comes within `setting.timeout`, or what it usually may take.
 *
 * @returns Its evidence, whatever happened to it.
 * @throws What is a defect of fdpass, or {@linkcode CannotAnswer}.
 */
export async function runExperiment(
  experiment: Experiment,
  { setting, signal, childModule = CHILD_MODULE, onTrace, onWait }: ExperimentOptions,
): Promise<ExperimentEvidence> {
  const timeUp = new AbortController();
  const timeout = setting.timeout ?? (experiment.timeout ?? USUAL_TIMEOUT) * 1000;
  const timer = setTimeout(
    () => timeUp.abort(new ExperimentError(`Time ran out after ${timeout / 1000} s`)),
    timeout,
  );
  const context: RunContext = {
    experiment: experiment.name,
    setting,
    signal: AbortSignal.any([signal, timeUp.signal]),
    deadline: Date.now() + timeout,
    childModule,
    onTrace,
  };
  const record = new ExperimentRecord(
    experiment,
    setting.protections.length > 0 && !experiment.alwaysHardens
      ? [...CONFINEMENT_CHECKS, ...experiment.hardenedPlan ?? []]
      : [],
  );
  using _live = onWait && new LiveLine(
    onWait,
    experiment.name,
    context.deadline,
    () => `${counted(record.packetCount, "packet")} so far`,
  );
  try {
    return record.close(await experiment.parent(new ParentRun(context, record)), null);
  } catch (error) {
    if (!endsAnExperiment(error)) throw error;
    return record.close(null, error.message);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether an error is one of the world's, and not of fdpass's making. */
function endsAnExperiment(error: unknown): error is Error {
  return error instanceof ExperimentError || error instanceof SystemError ||
    error instanceof DescriptorError;
}

/**
 * The evidence of a run of several experiments.
 *
 * @param environment Where it took place.
 * @param experiments What came of each.
 */
export function evidenceOf(
  environment: Environment,
  experiments: readonly ExperimentEvidence[],
): Evidence {
  const verdict = overall(experiments.map((each) => each.verdict));
  return {
    schema: "fdpass/1",
    version: VERSION,
    environment,
    experiments,
    verdict,
    exit: Exit[verdict],
    error: null,
  };
}

/**
 * The evidence of a run that did not come to its end.
 *
 * @param experiments What came of those that did. A refutation among them stands, whatever ended the run.
 */
export function evidenceOfFailure(
  environment: Environment,
  error: unknown,
  experiments: readonly ExperimentEvidence[] = [],
): Evidence {
  const [status, message, remedy] = classify(error);
  const refuted = experiments.some(({ verdict }) => verdict === "FAIL");
  return {
    schema: "fdpass/1",
    version: VERSION,
    environment,
    experiments,
    verdict: refuted ? "FAIL" : "INCONCLUSIVE",
    exit: refuted && status === Exit.INCONCLUSIVE ? Exit.FAIL : status,
    error: { message, remedy },
  };
}

function classify(error: unknown): [exit: number, message: string, remedy: string | null] {
  if (error instanceof UsageError) return [Exit.USAGE, error.message, "fdpass --help"];
  if (error instanceof CannotAnswer) return [Exit.INCONCLUSIVE, error.message, error.remedy];
  if (error instanceof SystemError) return [Exit.INCONCLUSIVE, error.message, null];
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return [Exit.DEFECT, `fdpass itself failed: ${message}`, "Please report this, with the command"];
}
