/**
 * The judge of the signal sweep: what a signal may do to a run, as a pure function of what was
 * seen.
 *
 * @module
 */

import type { Verdict } from "../../lib/evidence/evidence.ts";

/**
 * What happens to a process. With `SIGSTOP+SIGCONT` it is stopped and continues after a while; with
 * `SIGSTOP` it never continues.
 */
export type Event =
  | "SIGINT"
  | "SIGTERM"
  | "SIGHUP"
  | "SIGPIPE"
  | "SIGKILL"
  | "SIGSTOP"
  | "SIGSTOP+SIGCONT";

/** One run of the sweep. */
export interface SignalCase {
  readonly experiment: string;
  readonly side: "parent" | "child";
  readonly event: Event;
  /** How many messages the side has sent or received when the signal arrives. */
  readonly boundary: number;
  /** The `--timeout`, in seconds. */
  readonly timeout: number;
}

/** What was seen of a run. */
export interface SignalRecord extends SignalCase {
  /** How the parent ended; `null` if it did not end. */
  readonly end: { readonly code: number; readonly signal: Deno.Signal | null } | null;
  /** How long that took from its start, in milliseconds. */
  readonly took: number;
  /** The judged parts of the report on standard output; `null` if there was no valid one. */
  readonly report: {
    readonly verdict: Verdict;
    readonly exit: number;
    readonly error: string | null;
    /** The number of steps in the report. */
    readonly steps: number;
  } | null;
  readonly stderr: string;
  /** The processes that a while after the end still kept the network namespace of the run. */
  readonly orphans: readonly number[];
  /** The files in the output folder and in the folder for temporary files. */
  readonly files: readonly string[];
}

/** The output file that every run of the sweep writes. */
export const OUTPUT = "report.html";

/** The expected verdict and error; `null` for none. */
interface Expectation {
  readonly verdict: Verdict | null;
  readonly error: RegExp | null;
}

const GOES_ON: Expectation = { verdict: "PASS", error: null };
const NO_REPORT: Expectation = { verdict: null, error: null };
const interrupted = (event: Event): Expectation => ({
  verdict: "INCONCLUSIVE",
  error: new RegExp(`^Interrupted by ${event}$`),
});
const childDied = (event: Event): Expectation => ({
  verdict: "FAIL",
  error: new RegExp(`^The child ended early, by ${event}$`),
});
/** At its last boundary the child is waited for, then killed. */
const OUT_OF_TIME =
  /^Time ran out .* fell silent for|^The child did not end within 5000 ms$| but kept running; it was killed$/;

/** What must follow an event, at any boundary. */
export function expectation({ side, event }: SignalCase): Expectation {
  switch (event) {
    case "SIGPIPE": // the runtime ignores it, and a write fails with EPIPE
    case "SIGSTOP+SIGCONT":
      return GOES_ON;
    case "SIGSTOP":
      return { verdict: "FAIL", error: OUT_OF_TIME };
    case "SIGKILL":
      return side === "parent" ? NO_REPORT : childDied(event);
    default:
      return side === "parent" ? interrupted(event) : childDied(event);
  }
}

const EXITS: Readonly<Record<Verdict, number>> = { PASS: 0, FAIL: 1, INCONCLUSIVE: 4 };

/**
 * How much longer than its timeout a run may take, in milliseconds: a busy machine takes that long
 * to start it.
 */
export const SLACK = 20_000;

/** What can be wrong with a run. */
export const PROBLEMS = [
  "hangs",
  "wrong status",
  "wrong verdict",
  "wrong reason",
  "nothing reported",
  "stack traces",
  "orphans",
  "files left",
] as const;

/** One of the problems. */
export type Problem = typeof PROBLEMS[number];

const STACK_TRACE = /^\s+at .*:\d+:\d+|Uncaught|panicked|^error: /m;

/** The problems of a run; empty if it is in order. */
export function problemsOf(seen: SignalRecord): Problem[] {
  const expected = expectation(seen);
  const { end, report } = seen;
  const expectedFiles = report === null ? [] : [OUTPUT];
  const wrong: Record<Problem, boolean> = {
    "hangs": end === null || seen.took > 1000 * seen.timeout + SLACK,
    "wrong status": expected.verdict === null
      ? end?.signal !== "SIGKILL"
      : end?.signal !== null || end.code !== EXITS[expected.verdict] || report?.exit !== end.code,
    "wrong verdict": (report?.verdict ?? null) !== expected.verdict,
    "wrong reason": report !== null && !(expected.error?.test(report.error ?? "") ??
      report.error === null),
    // The parent begins a step before its first message.
    "nothing reported": report !== null && report.steps === 0,
    "stack traces": STACK_TRACE.test(seen.stderr),
    "orphans": seen.orphans.length > 0,
    "files left": JSON.stringify(seen.files) !== JSON.stringify(expectedFiles),
  };
  return PROBLEMS.filter((kind) => wrong[kind]);
}

/**
 * The table of a sweep: a row for each event and side, then the number of runs with each problem.
 */
export function tableOf(records: readonly SignalRecord[]): string {
  const rows = Map.groupBy(
    records,
    ({ experiment, side, event }) =>
      [experiment.padEnd(15), side.padEnd(7), event.padEnd(16)]
        .join(" "),
  );
  const lines = [...rows].map(([row, runs]) => {
    const ends = Map.groupBy(
      runs,
      ({ end }) => end === null ? "no end" : end.signal ?? `exit ${end.code}`,
    );
    const longest = Math.max(...runs.map(({ took }) => took));
    const problems = runs.filter((run) => problemsOf(run).length > 0).length;
    const shown = [...ends].map(([end, { length }]) => `${length} × ${end}`).join(", ");
    return `${row} ${String(runs.length).padStart(4)} runs  ${shown.padEnd(24)} ` +
      `longest ${(longest / 1000).toFixed(1).padStart(5)} s  ${problems} wrong`;
  });
  const totals = PROBLEMS.map((kind) =>
    `${records.filter((run) => problemsOf(run).includes(kind)).length} ${kind}`
  );
  return [...lines, `${records.length} runs: ${totals.join(", ")}`].join("\n");
}
