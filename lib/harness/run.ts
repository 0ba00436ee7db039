/**
 * A run: the experiments one after another, each with a deadline, and the evidence of all.
 *
 * @module
 */

import { libcVersion } from "../../ffi/abi/libc.ts";
import type { WatchedLink } from "../host/link_watch.ts";
import type { ChildFiles } from "./child_files.ts";
import { describeMissing, missingCapabilities } from "../host/capabilities.ts";
import { describeSelf } from "../host/supervisor.ts";
import { checksOfHardening } from "../evidence/description.ts";
import type {
  Conclusion,
  Environment,
  Evidence,
  ExperimentEvidence,
} from "../evidence/evidence.ts";
import { overall } from "../evidence/verdict.ts";
import type { Experiment } from "./experiment.ts";
import {
  CannotAnswer,
  CutShort,
  errorsIn,
  Exit,
  InterfaceChanged,
  TimeRanOut,
  UsageError,
} from "../evidence/errors.ts";
import { earlyEndOf, endsAnExperiment, isChilds, remedyFor } from "./blame.ts";
import { LinkAlarm } from "./link_alarm.ts";
import { passEveryGroup } from "../packets/every_group.ts";
import { ParentRun, type RunContext } from "./parent_run.ts";
import { ExperimentRecord } from "../evidence/record.ts";
import type { Setting } from "./setting.ts";
import type { Tracing } from "./trace/hub.ts";
import { VERSION } from "../evidence/version.ts";

/**
 * Requires that the program was started from a file, so that the child can be the same program.
 *
 * @param mainModule The URL of the program.
 * @throws {UsageError} If it was read from standard input or the network.
 */
export function requireFile(mainModule: string): void {
  if (mainModule.startsWith("file:") && !mainModule.includes("/$deno$stdin")) return;
  throw new UsageError(
    "fdpass was not started from a file, so it cannot start itself again as the child: " +
      "save it, and give its path to deno run",
  );
}

/** Describes the environment of a run, as it is known before any name is looked up. */
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
    link: null,
    user,
    running_as: describeSelf(),
    args,
    started: new Date().toISOString(),
  };
}

/** The default time limit of an experiment, in seconds. */
const DEFAULT_TIMEOUT = 10;

/** The progress of an experiment. */
export interface RunProgress {
  /** The number of packets so far. */
  readonly packetCount: number;
  /** Returns the counters of the workers in a few words; `undefined` if there are none. */
  readonly counters: (() => string) | undefined;
}

/**
 * Shows the progress of an experiment until the result is disposed of.
 *
 * @param deadline The time at which the experiment must end, by `performance.now()`.
 */
export type ShowProgress = (name: string, deadline: number, progress: RunProgress) => Disposable;

/** Options of {@linkcode runExperiment}. */
export interface RunExperimentOptions {
  readonly setting: Setting;
  /** Ends the run early; its reason is an `Error`. */
  readonly signal: AbortSignal;
  /** Resolves when every signal sent so far has reached `signal`. */
  readonly settled?: () => Promise<void>;
  /**
   * The child's main module, if not the experiment's: tests and the one-file build have their own.
   */
  readonly childModule?: string | undefined;
  /** Where the children find their files, if they cannot read them where they are. */
  readonly childFiles?: ChildFiles | undefined;
  /** Receives the calls of parent and children, if they are traced. */
  readonly tracing?: Tracing | undefined;
  /** Shows progress, if anybody wants it. */
  readonly showProgress?: ShowProgress | undefined;
}

/**
 * Runs one experiment, for at most `setting.timeout` or its default time limit.
 *
 * @returns Its evidence, even if it ended early.
 * @throws {CannotAnswer} If the question cannot be put here. Any other error is a defect of fdpass.
 */
export async function runExperiment(
  experiment: Experiment,
  {
    setting,
    signal,
    settled,
    childModule = experiment.module,
    childFiles,
    tracing,
    showProgress,
  }: RunExperimentOptions,
): Promise<ExperimentEvidence> {
  const timeUp = new AbortController();
  const timeout = setting.timeout ?? (experiment.timeout ?? DEFAULT_TIMEOUT) * 1000;
  const timer = setTimeout(() => timeUp.abort(new TimeRanOut(timeout)), timeout);
  using alarm = new LinkAlarm(linksOf(experiment, setting), tracing);
  const context: RunContext = {
    experiment: experiment.name,
    setting,
    options: setting.options[experiment.name],
    signal: AbortSignal.any([signal, timeUp.signal, alarm.signal]),
    deadline: performance.now() + timeout,
    timeout,
    childModule,
    childFiles,
    tracing,
  };
  const record = new ExperimentRecord(
    experiment,
    setting.protections.length > 0 ? checksOfHardening(experiment) : [],
  );
  using _calls = tracing?.keptBy((...call) => record.call(...call));
  using _progress = showProgress?.(experiment.name, context.deadline, record);
  const run = new ParentRun(context, record);
  try {
    signal.throwIfAborted();
    const reason = whyNoAnswer(experiment);
    if (reason !== undefined) {
      run.step("Checking the requirements...");
      run.skipRest(reason);
      run.note(`No answer: ${reason}`, experiment.plan[0]);
      return record.close(null, null);
    }
    const conclusion = await whileUnchanged(alarm, signal, () => parentsProgram(experiment, run));
    await settled?.(); // an interrupted run is not a PASS, however late the signal came
    signal.throwIfAborted();
    return record.close(conclusion, null);
  } catch (error) {
    return await closeAfter(error, run);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Closes the record of an experiment that an error has ended.
 *
 * @throws The error, if it is a defect of fdpass, or if the question cannot be put here and nothing
 * was refuted before.
 */
async function closeAfter(error: unknown, run: ParentRun): Promise<ExperimentEvidence> {
  const errors = errorsIn(error);
  if (errors.every(endsAnExperiment)) return await closeBecause(errors, run);
  if (!errors.every(isForeseen)) throw error;
  const { signal } = run.context;
  if (signal.aborted) return await closeBecause([signal.reason], run); // so the set-up failed, too
  const { message } = errors[0] as Error;
  const evidence = run.record.close(null, { message, isChilds: false });
  if (evidence.verdict !== "FAIL") throw error;
  return evidence; // what was refuted before stays so
}

async function closeBecause(errors: readonly Error[], run: ParentRun): Promise<ExperimentEvidence> {
  if (errors[0] instanceof InterfaceChanged) run.record.interfaceChanged(errors[0].event);
  return run.record.close(null, await earlyEndOf(await excused(errors, run)));
}

/** Runs the parent's program. If it sends frames, the interface passes all of their groups. */
async function parentsProgram(experiment: Experiment, run: ParentRun): Promise<Conclusion> {
  const { link, stimulus } = run.setting;
  using _everyGroup = stimulus && passEveryGroup(link);
  return await experiment.parent(run);
}

/** Returns the interfaces that an experiment uses. */
function linksOf(experiment: Experiment, { link, stimulus, options }: Setting): WatchedLink[] {
  const own = experiment.links?.(options[experiment.name]) ?? [];
  return [link, ...stimulus === undefined ? [] : [stimulus], ...own];
}

/**
 * Runs the parent's program, and then looks whether the interfaces have stayed as they were. If
 * one has not, an error of the program may be a consequence, and its success shows nothing.
 *
 * @param interruption The signal of the user. If it comes first, it is the reason of the end.
 * @throws {InterfaceChanged} If an interface has changed.
 */
async function whileUnchanged<T>(
  alarm: LinkAlarm,
  interruption: AbortSignal,
  program: () => Promise<T>,
): Promise<T> {
  let result: T;
  try {
    alarm.signal.throwIfAborted();
    result = await program();
  } catch (error) {
    if (!errorsIn(error).every(isForeseen)) throw error; // a defect stays one
    if (interruption.aborted && !alarm.signal.aborted) throw error;
    throw await alarm.lastLook().catch(() => undefined) ?? error; // the first error says more
  }
  const change = await alarm.lastLook();
  if (change !== undefined) throw change;
  return result;
}

/**
 * Returns the errors that ended a run. If the child failed where root's own control fails in the
 * same way, its error is replaced by one that does not blame it.
 */
async function excused(errors: readonly Error[], run: ParentRun): Promise<readonly Error[]> {
  const [error, ...more] = errors;
  if (!isChilds(error) || more.some(isChilds)) return errors;
  const reason = await run.whyNobodyCould(error);
  if (reason === undefined) return errors;
  const { message } = await earlyEndOf([error]);
  return [new CutShort(`${message}; ${reason}`), ...more];
}

/** Returns why this experiment cannot be answered here; `undefined` if it can. */
function whyNoAnswer(
  { capabilities = [], whyNoAnswer }: Experiment,
): string | undefined {
  const missing = missingCapabilities(capabilities);
  if (missing.length === 0) return whyNoAnswer?.();
  const [message, remedy] = describeMissing(missing);
  return `${message}: ${remedy[0].toLowerCase()}${remedy.slice(1)}`;
}

/**
 * Returns the evidence of a run of several experiments.
 *
 * @param environment Where the run took place.
 * @param experiments The evidence of each experiment.
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
 * Returns the evidence of a run that ended early.
 *
 * @param experiments The evidence of the finished experiments. A FAIL among them stands, whatever
 * ended the run.
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

/** Whether an error is not a defect of fdpass. */
function isForeseen(error: unknown): boolean {
  return error instanceof UsageError || error instanceof CannotAnswer || endsAnExperiment(error);
}

function classify(failure: unknown): [exit: number, message: string, remedy: string | null] {
  const errors = errorsIn(failure);
  const error = errors.find((each) => !isForeseen(each)) ?? errors[0];
  if (error instanceof UsageError) return [Exit.USAGE, error.message, "See --help"];
  if (error instanceof CannotAnswer) return [Exit.INCONCLUSIVE, error.message, error.remedy];
  if (endsAnExperiment(error)) return [Exit.INCONCLUSIVE, error.message, remedyFor(error)];
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return [Exit.DEFECT, `fdpass itself failed: ${message}`, "Please report this, with the command"];
}
