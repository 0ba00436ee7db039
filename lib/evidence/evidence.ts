/**
 * The evidence of a run: the one list that every view is made from. Its types are the schema `fdpass/1`.
 *
 * @module
 */

import { type CheckId, describeCheck, type Side } from "./checks.ts";

/** PASS: every check holds. FAIL: one does not, or never ran. INCONCLUSIVE: what is essential could not be judged. */
export type Verdict = "PASS" | "FAIL" | "INCONCLUSIVE";

/** What came of one check. */
export interface Finding {
  readonly status: "pass" | "fail" | "skip";
  /** What was observed, in a few words; for a skip, the reason. */
  readonly observed: string;
  /** The calls, results, errnos and /proc texts that show it. */
  readonly evidence: Readonly<Record<string, unknown>>;
}

/**
 * Who saw what a check was decided by. `parent`: the parent looked, or asked the kernel. `answer`: the child gave what only a process that did it
 * can give, and the parent verified it. `child`: the child's word.
 */
export type SeenBy = "parent" | "answer" | "child";

/** What came of a check, and who saw it. */
export interface Observation extends Finding {
  /** Never empty. */
  readonly seen_by: readonly SeenBy[];
}

/** A check of the report: what was claimed, and what came of it. */
export interface CheckResult extends Observation {
  readonly id: CheckId;
  readonly claim: string;
  readonly side: Side;
  readonly expected: string;
  readonly source: string;
}

/** A frame that the child received. */
export interface Packet {
  /** Its length on the wire, in bytes. */
  readonly bytes: number;
  /** Its beginning, in base64: all of it, or the first 256 bytes. */
  readonly head: string;
  /** It is known to have come after the drop: the parent sent it after, or root's own witness saw it after. */
  readonly after_drop: boolean;
  /** It carries a secret of this run's stimulus. */
  readonly ours: boolean;
  /** What it is, in words. */
  readonly summary: string;
  /** When it was received, in nanoseconds since 1970, as a decimal number. */
  readonly timestamp_ns: string;
  /** Whose clock that is. Nothing is decided by it. */
  readonly stamped_by: "kernel" | "child";
}

/** What a line of the transcript says: a plain word, a claim with the checks behind it, a packet, or a message between the two. */
export type Saying =
  | { readonly kind: "note"; readonly text: string; readonly checks: readonly CheckId[] }
  | { readonly kind: "done"; readonly text: string; readonly checks: readonly CheckId[] }
  | { readonly kind: "detail"; readonly text: string }
  | { readonly kind: "packet"; readonly number: number; readonly packet: number }
  | {
    readonly kind: "message";
    readonly from: Side;
    readonly text: string;
    /** How many descriptors it brought. */
    readonly descriptors: number;
    /** How often it was sent in this step; the line stands where it was first. */
    readonly times: number;
  };

/** When something happened: of what a child says, when it said so by its own word, or else when the parent heard it. */
export interface Moment {
  /** In milliseconds since the experiment began. */
  readonly at_ms: number;
}

/** A call of libc's, as its process tells of it. */
export interface Call extends Moment {
  readonly side: Side;
  /** The process. */
  readonly pid: number;
  /** The thread; null for one that waits beside JavaScript's. */
  readonly tid: number | null;
  /** How long it took, in milliseconds. */
  readonly took_ms: number;
  /** Arguments by name, and the result: `close(fd: 7) = 0`. */
  readonly text: string;
}

/** The calls of an experiment, in their order. */
export interface Calls {
  readonly list: readonly Call[];
  /** Whether there were more than are kept. */
  readonly cut: boolean;
}

/** A line of the transcript, in order. */
export type Line = Saying & Moment;

/** A step of the procedure, with whoever took it. */
export interface Step extends Moment {
  readonly side: Side;
  readonly privileged: boolean;
  readonly title: string;
  readonly lines: readonly Line[];
}

/** The outcome of an operation that takes what is not to be had here: it is not known of this kernel. */
export const NOT_TRIED = "not tried";

/** One operation in one column: what came of it, and what is known to. */
export interface Cell {
  readonly outcome: string;
  readonly known: string;
  /** Which rule of the system call filter refused it; null if none did. */
  readonly rule: string | null;
  /** What the system said that refused it, or why it could not be tried; null where it said nothing. */
  readonly refusal?: string | null;
}

/** What came of each operation, in each column. */
export interface Matrix {
  readonly columns: readonly string[];
  readonly rows: readonly {
    readonly operation: string;
    readonly gives: string;
    readonly source: string;
    readonly cells: Readonly<Record<string, Cell>>;
  }[];
}

/** What is said when every check holds. */
export interface Conclusion {
  readonly headline: string;
  readonly points: readonly string[];
  readonly decision: string;
}

/** What came of one experiment. */
export interface ExperimentEvidence {
  readonly name: string;
  readonly title: string;
  readonly question: string;
  readonly decisions: readonly string[];
  readonly verdict: Verdict;
  readonly duration_ms: number;
  readonly checks: readonly CheckResult[];
  readonly packets: readonly Packet[];
  readonly figures: Readonly<Record<string, number>>;
  readonly steps: readonly Step[];
  /** Those of parent and children, with `--trace` or `--report`; null without: to tell of them takes time. */
  readonly calls: Calls | null;
  /** Of the experiment `authority`; null for others. */
  readonly matrix: Matrix | null;
  /** What ended it before its end; null if nothing did. */
  readonly error: string | null;
  /** Said if the verdict is PASS. */
  readonly conclusion: Conclusion | null;
}

/** Where and for whom a run took place. */
export interface Environment {
  readonly kernel: string;
  readonly arch: string;
  readonly deno: string;
  readonly libc: string;
  readonly interface: string | null;
  readonly user: string | null;
  /** The arguments of the command line. */
  readonly args: readonly string[];
  /** ISO 8601. */
  readonly started: string;
}

/** Why there is no answer, or only part of one. */
export interface Failure {
  readonly message: string;
  /** What would help; null if nothing is known. */
  readonly remedy: string | null;
}

/** The whole of a run. */
export interface Evidence {
  readonly schema: "fdpass/1";
  readonly version: string;
  readonly environment: Environment;
  readonly experiments: readonly ExperimentEvidence[];
  readonly verdict: Verdict;
  readonly exit: number;
  readonly error: Failure | null;
}

/** A finding that holds or does not. */
export function judged(
  holds: boolean,
  observed: string,
  evidence: Readonly<Record<string, unknown>> = {},
): Finding {
  return { status: holds ? "pass" : "fail", observed, evidence };
}

/** A finding that there was nothing to judge by. */
export function skipped(reason: string): Finding {
  return { status: "skip", observed: reason, evidence: {} };
}

/** The verdict over a whole plan. One of which nothing could be judged is no PASS, nor is one without what is essential. */
export function verdictOf(checks: readonly CheckResult[]): Verdict {
  if (checks.every(({ status }) => status === "skip")) return "INCONCLUSIVE";
  if (checks.some(({ status }) => status === "fail")) return "FAIL";
  const unanswered = checks.some(({ id, status }) =>
    status === "skip" && describeCheck(id).essential
  );
  return unanswered ? "INCONCLUSIVE" : "PASS";
}

/** The verdict over several experiments: a refutation outweighs everything, an open question a PASS. */
export function overall(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes("FAIL")) return "FAIL";
  return verdicts.length > 0 && verdicts.every((verdict) => verdict === "PASS")
    ? "PASS"
    : "INCONCLUSIVE";
}
