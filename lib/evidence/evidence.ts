/**
 * The types of the evidence. Every view of a run is made from it alone; as JSON it has the schema
 * `fdpass/1`.
 *
 * @module
 */

import type { CheckId, Side } from "./checks.ts";
import type { InspectedProcess } from "./inspected.ts";

/**
 * PASS: every check holds that was not left out. FAIL: a check does not hold, or the child left it
 * open. INCONCLUSIVE: a check could not be judged, or all were left out.
 */
export type Verdict = "PASS" | "FAIL" | "INCONCLUSIVE";

/** The result of one check. */
export interface Finding {
  readonly status: "pass" | "fail" | "skip";
  /** Set if a check is skipped because it was left out: {@linkcode leftOut}. */
  readonly left_out?: true;
  /** The observation in a few words; for a skip, the reason. */
  readonly observed: string;
  /** Calls, results, errnos and `/proc` texts that show it. */
  readonly evidence: Readonly<Record<string, unknown>>;
}

/**
 * The source of a finding.
 *
 * - `parent`: the parent looked, or asked the kernel.
 * - `answer`: the child returned something that only a process that did the work can know, and the
 *   parent verified it.
 * - `child`: the child's own report.
 */
export type SeenBy = "parent" | "answer" | "child";

/** A finding and its sources. */
export interface Observation extends Finding {
  /** Never empty. */
  readonly seen_by: readonly SeenBy[];
}

/** A check as the report lists it: the claim and the result. */
export interface CheckResult extends Observation {
  readonly id: CheckId;
  readonly claim: string;
  readonly side: Side;
  readonly expected: string;
  readonly source: string;
}

/** A frame that the child received. */
export interface Packet {
  /**
   * Length on the wire, in bytes, with its VLAN tags. Of several packets that the kernel or the
   * network card has joined into one (GSO, GRO), the length of that one.
   */
  readonly bytes: number;
  /** The first 256 bytes of the frame at most, in base64. */
  readonly head: string;
  /**
   * Whether the frame is known to have come after the drop: the parent sent it after the drop, or
   * root's own witness socket saw it after the drop.
   */
  readonly after_drop: boolean;
  /** Whether it carries a secret of this run's stimulus. */
  readonly ours: boolean;
  /** The kind of frame, in words. */
  readonly summary: string;
  /** Time of receipt in nanoseconds since 1970, as a decimal number. */
  readonly timestamp_ns: string;
  /** The clock that the time was read from. No check depends on the time. */
  readonly stamped_by: "kernel" | "child";
}

/** The content of a line of the transcript. */
export type LineContent =
  /** A plain remark. */
  | { readonly kind: "note"; readonly text: string; readonly checks: readonly CheckId[] }
  /** A claim with the checks behind it. */
  | { readonly kind: "done"; readonly text: string; readonly checks: readonly CheckId[] }
  | { readonly kind: "detail"; readonly text: string }
  | { readonly kind: "packet"; readonly number: number; readonly packet: number }
  /** A message between parent and child. */
  | {
    readonly kind: "message";
    readonly from: Side;
    readonly text: string;
    /** The number of descriptors that the message carried. */
    readonly descriptors: number;
    /** How often it was sent in this step. The line stands where it was sent first. */
    readonly times: number;
  };

/** Something that has a time. */
export interface Moment {
  /**
   * Milliseconds since the experiment began. For an event of the child: the time that the child
   * reported, or else the time at which the report arrived.
   */
  readonly at_ms: number;
}

/** A call of a libc function, as the calling process reported it. */
export interface Call extends Moment {
  readonly side: Side;
  readonly pid: number;
  /** The thread id; null for a call that ran on a thread without JavaScript. */
  readonly tid: number | null;
  /** Duration in milliseconds. */
  readonly took_ms: number;
  /** Arguments by name, and the result: `close(fd: 7) = 0`. */
  readonly text: string;
}

/** The calls of an experiment, in order of time. */
export interface Calls {
  readonly list: readonly Call[];
  /** Whether more calls were made than are kept. */
  readonly cut: boolean;
}

/** A line of the transcript. */
export type Line = LineContent & Moment;

/** A step of the procedure, and the side that took it. */
export interface Step extends Moment {
  readonly side: Side;
  readonly privileged: boolean;
  readonly title: string;
  readonly lines: readonly Line[];
}

/**
 * The outcome of an operation that could not be tried, because this machine lacks something that it
 * needs. Nothing is then known of this kernel.
 */
export const NOT_TRIED = "not tried";

/** The outcome that an inspection predicts where what decides it was not seen. */
export const CANNOT_TELL = "cannot tell";

/** The expected outcome of an operation that must be refused, by whatever wall. */
export const REFUSED = "refused";

/** One operation under one set of protections; in an inspection, on one packet socket. */
export interface Cell {
  readonly outcome: string;
  /** The expected outcome, or {@linkcode REFUSED}; null where none is expected. */
  readonly known: string | null;
  /** The rule of the system call filter that refused it; null if none did. */
  readonly rule: string | null;
  /** The error message of the refusal, or the reason why it could not be tried; null if none. */
  readonly refusal?: string | null;
  /**
   * The wall that refuses it, such as `credential` or `filter`; null if none does. Only an
   * inspection sets it: it predicts outcomes, and an experiment tries them.
   */
  readonly wall?: string | null;
}

/** The outcome of each operation under each set of protections. */
export interface Matrix {
  readonly columns: readonly string[];
  readonly rows: readonly {
    readonly operation: string;
    readonly gives: string;
    readonly source: string;
    readonly cells: Readonly<Record<string, Cell>>;
  }[];
}

/** The closing words of the transcript when every check holds. */
export interface Conclusion {
  readonly headline: string;
  readonly points: readonly string[];
  readonly decision: string;
}

/** The evidence of one experiment. */
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
  /**
   * The calls of parent and children under `--trace` or `--report`. Null otherwise, because
   * reporting them takes time.
   */
  readonly calls: Calls | null;
  /**
   * Set by the experiment `authority`, which tries each operation, and by an inspection, which
   * predicts the outcome; null for the others.
   */
  readonly matrix: Matrix | null;
  /** The inspected process; null for an experiment, and for a process that could not be seen. */
  readonly process: InspectedProcess | null;
  /** The error that ended the experiment early; null if none did. */
  readonly error: string | null;
  /** Null unless the verdict is PASS. */
  readonly conclusion: Conclusion | null;
}

/** An interface, as far as the evidence depends on it. */
export interface LinkDescription {
  /** Its own name, which differs from the one that was given if that is an alternative name. */
  readonly name: string;
  /** The form of its frames: with an Ethernet header, or bare IP packets. */
  readonly layer: "ethernet" | "ip";
  /** The kind of interface, such as `veth`; empty for hardware and for the loopback. */
  readonly kind: string;
  /** The longest packet, in bytes, without the link-layer header. */
  readonly mtu: number;
}

/** The machine and the arguments of a run. */
export interface Environment {
  readonly kernel: string;
  readonly arch: string;
  readonly deno: string;
  readonly libc: string;
  readonly interface: string | null;
  /** The interface, as the kernel describes it; null if the run ended before it was looked up. */
  readonly link: LinkDescription | null;
  readonly user: string | null;
  /** The user and the capabilities of the parent: `root (UID 0)`, or those of a service. */
  readonly running_as: string;
  /** The arguments of the command line. */
  readonly args: readonly string[];
  /** ISO 8601. */
  readonly started: string;
}

/** The reason why a run has no answer, or only part of one. */
export interface Failure {
  readonly message: string;
  /** A remedy; null if none is known. */
  readonly remedy: string | null;
}

/** The name of every inspection, where an experiment has its own. */
export const INSPECTION = "inspect";

/** Whether this is the evidence of an inspected process, and not of an experiment. */
export function isInspection({ name }: ExperimentEvidence): boolean {
  return name === INSPECTION;
}

/** The evidence of a whole run. */
export interface Evidence {
  readonly schema: "fdpass/1";
  readonly version: string;
  readonly environment: Environment;
  readonly experiments: readonly ExperimentEvidence[];
  readonly verdict: Verdict;
  readonly exit: number;
  readonly error: Failure | null;
}

/** Makes a finding: a pass if `holds`, else a fail. */
export function judged(
  holds: boolean,
  observed: string,
  evidence: Readonly<Record<string, unknown>> = {},
): Finding {
  return { status: holds ? "pass" : "fail", observed, evidence };
}

/**
 * Makes a finding of a check that was to be judged and could not be, for `reason`. It makes the
 * verdict INCONCLUSIVE.
 *
 * @param evidence What was seen nevertheless.
 */
export function skipped(
  reason: string,
  evidence: Readonly<Record<string, unknown>> = {},
): Finding {
  return { status: "skip", observed: reason, evidence };
}

/**
 * Makes a finding of a check that nobody meant to judge in this run, for `reason`: an option leaves
 * it out, this kernel lacks its subject, or fdpass would have to change a setting that it leaves
 * alone. The verdict does not depend on it.
 */
export function leftOut(reason: string): Finding {
  return { status: "skip", left_out: true, observed: reason, evidence: {} };
}

/** Whether a check was to be judged and could not be. */
export function isOpen({ status, left_out }: Finding): boolean {
  return status === "skip" && left_out !== true;
}
