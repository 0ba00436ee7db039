/**
 * What a signal may do to a run, and what it may not: the judge of the sweep, a pure function of what was seen.
 *
 * @module
 */

import type { Verdict } from "../../lib/evidence/evidence.ts";

/** What befalls a process. `SIGSTOP+SIGCONT` is stopped, and after a while goes on; `SIGSTOP` never does. */
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
  /** After how many messages, sent or received, the side gets it. */
  readonly boundary: number;
  /** The `--timeout`, in seconds. */
  readonly timeout: number;
}

/** What was seen of such a run. */
export interface SignalRecord extends SignalCase {
  /** How the parent ended; `null` if it did not. */
  readonly end: { readonly code: number; readonly signal: Deno.Signal | null } | null;
  /** How long that took, from its start, in milliseconds. */
  readonly took: number;
  /** The report on standard output, as far as it is judged here; `null` if there was none that the schema allows. */
  readonly report: {
    readonly verdict: Verdict;
    readonly exit: number;
    readonly error: string | null;
    /** How many steps are told. */
    readonly steps: number;
  } | null;
  readonly stderr: string;
  /** Processes that were there a while after the end, and by whom the network namespace of the run was kept. */
  readonly orphans: readonly number[];
  /** The files in the folder of the output, and in that for temporary files. */
  readonly files: readonly string[];
}

/** The output that every run of the sweep is asked for. */
export const OUTPUT = "report.html";

/** What is expected: how it ends, and why. */
interface Expectation {
  readonly verdict: Verdict | null;
  readonly error: RegExp | null;
}

const GOES_ON: Expectation = { verdict: "PASS", error: null };
const NO_WORD: Expectation = { verdict: null, error: null };
const interrupted = (event: Event): Expectation => ({
  verdict: "FAIL",
  error: new RegExp(`^Interrupted by ${event}$`),
});
/** Either it is heard of, or it is not there any more when the parent looks at it from outside. */
const childDied = (event: Event): Expectation => ({
  verdict: "FAIL",
  error: new RegExp(
    `^The child ended early, by ${event}$|"?/proc/\\d+/.*: (No such file|No such process)`,
  ),
});
/** At its last boundary the child is waited for, and ended. */
const OUT_OF_TIME =
  /^Time ran out|no message came in time$|^The child did not end within 5000 ms$| but kept running; it was killed$/;

/** What must come of an event, wherever it comes. */
export function expectation({ side, event }: SignalCase): Expectation {
  switch (event) {
    case "SIGPIPE": // the runtime ignores it, and a write fails with EPIPE
    case "SIGSTOP+SIGCONT":
      return GOES_ON;
    case "SIGSTOP":
      return { verdict: "FAIL", error: OUT_OF_TIME };
    case "SIGKILL":
      return side === "parent" ? NO_WORD : childDied(event);
    default:
      return side === "parent" ? interrupted(event) : childDied(event);
  }
}

const EXITS: Readonly<Record<Verdict, number>> = { PASS: 0, FAIL: 1, INCONCLUSIVE: 4 };

/** How much later than its time is up a run may end, in milliseconds: on a busy machine it takes as long to begin. */
export const SLACK = 20_000;

/** The kinds of what may be wrong with a run. */
export const FAULT_KINDS = [
  "hangs",
  "wrong status",
  "wrong verdict",
  "wrong reason",
  "nothing reported",
  "stack traces",
  "orphans",
  "files left",
] as const;

/** One of them. */
export type FaultKind = typeof FAULT_KINDS[number];

const STACK_TRACE = /^\s+at .*:\d+:\d+|Uncaught|panicked|^error: /m;

/** What is wrong with a run: nothing, it is hoped. */
export function faultsOf(seen: SignalRecord): FaultKind[] {
  const expected = expectation(seen);
  const { end, report } = seen;
  const expectedFiles = report === null ? [] : [OUTPUT];
  const wrong: Record<FaultKind, boolean> = {
    "hangs": end === null || seen.took > 1000 * seen.timeout + SLACK,
    "wrong status": expected.verdict === null
      ? end?.signal !== "SIGKILL"
      : end?.signal !== null || end.code !== EXITS[expected.verdict] || report?.exit !== end.code,
    "wrong verdict": (report?.verdict ?? null) !== expected.verdict,
    "wrong reason": report !== null && !(expected.error?.test(report.error ?? "") ??
      report.error === null),
    // Before its first message the parent has begun a step in any case.
    "nothing reported": report !== null && report.steps === 0,
    "stack traces": STACK_TRACE.test(seen.stderr),
    "orphans": seen.orphans.length > 0,
    "files left": JSON.stringify(seen.files) !== JSON.stringify(expectedFiles),
  };
  return FAULT_KINDS.filter((kind) => wrong[kind]);
}

/** The table of a sweep: a row for each event and side, then how many runs there were of each fault. */
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
    const faults = runs.filter((run) => faultsOf(run).length > 0).length;
    const shown = [...ends].map(([end, { length }]) => `${length} × ${end}`).join(", ");
    return `${row} ${String(runs.length).padStart(4)} runs  ${shown.padEnd(24)} ` +
      `longest ${(longest / 1000).toFixed(1).padStart(5)} s  ${faults} wrong`;
  });
  const totals = FAULT_KINDS.map((kind) =>
    `${records.filter((run) => faultsOf(run).includes(kind)).length} ${kind}`
  );
  return [...lines, `${records.length} runs: ${totals.join(", ")}`].join("\n");
}
