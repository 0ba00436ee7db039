/**
 * The record of one experiment while it runs: steps, lines, findings, packets, in the order in which they came about.
 *
 * @module
 */

import { type CheckId, CHECKS, describeCheck, type Side } from "./checks.ts";
import {
  type Call,
  type CheckResult,
  type Conclusion,
  type ExperimentEvidence,
  type Finding,
  type Line,
  type Matrix,
  type Packet,
  type Saying,
  skipped,
  type Step,
  verdictOf,
} from "./evidence.ts";
import { ExperimentError } from "./outcome.ts";
import type { KeepCall } from "./tracing.ts";

/**
 * What the children of one experiment may say that goes into the record, in characters: a bound on what they can make the parent keep. Those that
 * are as they should be say 40,000 at most; what is printed of it can be six times as long, and is made several times over.
 */
export const WORDS_LIMIT = 1 << 20;

/** What a message counts beside its text: the objects that it becomes. */
const MESSAGE_SIZE = 128;

/**
 * How many packets are kept that do not count. Those that count are as many as were asked for; of others a child can hand on as many as it
 * likes, and so can a busy network.
 */
export const BESIDE_LIMIT = 10_000;

/** How many calls are kept of each side of one experiment, and how much of each, in characters. */
export const CALL_LIMIT = 2000, CALL_LENGTH = 240;

/** What is known of an experiment before it runs. */
export interface ExperimentDescription {
  /** As `--experiment` takes it. */
  readonly name: string;
  /** The heading of its transcript. */
  readonly title: string;
  readonly question: string;
  /** The design decisions that stand or fall with it. */
  readonly decisions: readonly string[];
  /** Every check that it plans. One that never runs counts as failed. */
  readonly plan: readonly CheckId[];
}

/** Collects the evidence of one experiment. */
export class ExperimentRecord {
  readonly #experiment: ExperimentDescription;
  readonly #plan: readonly CheckId[];
  readonly #steps: (Step & { lines: Line[] })[] = [];
  /** Those of the step that was begun last. */
  readonly #messages = new Map<string, { times: number }>();
  readonly #findings = new Map<CheckId, Finding>();
  readonly #packets: Packet[] = [];
  readonly #figures: { [name: string]: number } = {};
  readonly #started = performance.now();
  readonly #calls: Call[] = [];
  readonly #callsLeft = { parent: CALL_LIMIT, child: CALL_LIMIT };
  #areCallsCut = false;
  #matrix: Matrix | null = null;
  /** The counters of the workers, in a few words, for somebody who waits. */
  counters: (() => string) | undefined;
  #words = 0;
  #beside = 0;

  /**
   * @param experiment What is recorded.
   * @param more Checks beside those of its plan, which become part of it.
   */
  constructor(experiment: ExperimentDescription, more: readonly CheckId[] = []) {
    this.#experiment = experiment;
    this.#plan = [...new Set([...experiment.plan, ...more])];
  }

  /**
   * Counts what a child has said that is to be kept.
   *
   * @throws {ExperimentError} If it is too much.
   */
  heard(text: string): void {
    this.#words += MESSAGE_SIZE + text.length;
    if (this.#words <= WORDS_LIMIT) return;
    throw new ExperimentError(`The child says too much: more than ${WORDS_LIMIT} characters`);
  }

  /**
   * Begins a step.
   *
   * @param at When that was, in milliseconds since 1970, if it was not just now.
   */
  step(side: Side, privileged: boolean, title: string, at?: number): void {
    this.#messages.clear();
    this.#steps.push({ side, privileged, title, lines: [], at_ms: this.#moment(at) });
  }

  /**
   * Adds a line to the step that was begun last.
   *
   * @throws {ExperimentError} If a check is to be behind it that is not in the plan.
   */
  line(saying: Saying, at?: number): void {
    if ("checks" in saying) saying.checks.forEach((id) => this.#requirePlanned(id));
    this.#steps.at(-1)?.lines.push({ ...saying, at_ms: this.#moment(at) });
  }

  /** Adds a message between the two: a line for the first of its kind in a step, which counts the others. */
  message(from: Side, text: string, descriptors: number, at?: number): void {
    const kind = `${from} ${descriptors} ${text}`;
    const known = this.#messages.get(kind);
    if (known !== undefined) return void known.times++;
    this.line({ kind: "message", from, text, descriptors, times: 1 }, at);
    const kept = this.#steps.at(-1)?.lines.at(-1);
    if (kept?.kind === "message") this.#messages.set(kind, kept as { times: number });
  }

  /**
   * Records what came of a check.
   *
   * @throws {ExperimentError} If it is not in the plan, is the other side's to judge, or has been judged before.
   */
  find(side: Side, id: CheckId, finding: Finding): void {
    this.#requirePlanned(id);
    if (describeCheck(id).side !== side) {
      throw new ExperimentError(`${id} is not for the ${side} to judge here`);
    }
    if (this.#findings.has(id)) {
      this.corroborate(id, { status: "fail", observed: "judged twice", evidence: {} });
      throw new ExperimentError(`${id} was judged twice`);
    }
    this.#findings.set(id, finding);
  }

  /** Records for every check of the plan that there is nothing to judge by. */
  skipEverything(reason: string): void {
    for (const id of this.#plan) this.#findings.set(id, skipped(reason));
  }

  /**
   * Holds a finding of the child's against what the parent sees for itself. Both must agree.
   *
   * @param id A check that the child has judged; if it has not, nothing is recorded, and it counts as never run.
   */
  corroborate(id: CheckId, seen: Finding): void {
    const said = this.#findings.get(id);
    if (said === undefined) return;
    const agreed = said.status === seen.status;
    this.#findings.set(id, {
      status: said.status === "pass" ? seen.status : said.status,
      observed: agreed ? said.observed : `child: ${said.observed}; parent: ${seen.observed}`,
      evidence: { child: said.evidence, parent: seen.evidence },
    });
  }

  /**
   * Adds a packet, and its line.
   *
   * @param number Counted as the so manyth; 0 for one that does not count, of which the first {@linkcode BESIDE_LIMIT} are kept.
   */
  packet(packet: Packet, number: number): void {
    if (number === 0 && ++this.#beside > BESIDE_LIMIT) {
      this.figure("packets_not_kept", this.#beside - BESIDE_LIMIT);
      return;
    }
    this.line({ kind: "packet", number, packet: this.#packets.push(packet) - 1 });
  }

  /** How many packets there are so far. */
  get packetCount(): number {
    return this.#packets.length;
  }

  /** Sets the matrix. */
  matrix(matrix: Matrix): void {
    this.#matrix = matrix;
  }

  /** Sets a figure. */
  figure(name: string, value: number): void {
    this.#figures[name] = value;
  }

  /** Sets the figure `STAGE_ms`: how long it took until here, in milliseconds. */
  timestamp(stage: string): void {
    this.#figures[`${stage}_ms`] = this.#elapsed();
  }

  /** Takes a call, as {@linkcode KeepCall} wants it. */
  call(...[side, pid, { began, milliseconds, tid, text }]: Parameters<KeepCall>): boolean {
    if (this.#callsLeft[side] === 0) {
      this.#areCallsCut = true;
      return false;
    }
    this.#callsLeft[side]--;
    const [at_ms, took_ms] = [this.#moment(began), rounded(milliseconds, 1000)];
    this.#calls.push({ side, pid, tid, at_ms, took_ms, text: shortened(text) });
    return true;
  }

  /** How long it has taken until then, or until now: nothing is said before it was so, nor before the experiment began. */
  #moment(at = Infinity): number {
    const began = performance.timeOrigin + this.#started;
    return Math.max(0, Math.min(rounded(at - began, 1000), this.#elapsed(1000)));
  }

  #elapsed(parts = 10): number {
    return rounded(performance.now() - this.#started, parts);
  }

  /**
   * Closes the record.
   *
   * @param conclusion What is said if every check holds; null if the experiment did not come to its end.
   * @param error What ended it before; null if nothing did.
   */
  close(conclusion: Conclusion | null, error: string | null): ExperimentEvidence {
    const checks = this.#plan.map((id) => this.#result(id, error));
    const found = verdictOf(checks);
    const verdict = found === "PASS" && error !== null ? "FAIL" : found;
    const { name, title, question, decisions } = this.#experiment;
    return {
      name,
      title,
      question,
      decisions,
      verdict,
      duration_ms: Math.round(performance.now() - this.#started),
      checks,
      packets: this.#packets,
      figures: this.#figures,
      steps: this.#steps,
      calls: this.#calls.length > 0
        ? { list: this.#calls.toSorted((a, b) => a.at_ms - b.at_ms), cut: this.#areCallsCut }
        : null,
      matrix: this.#matrix,
      error,
      conclusion: verdict === "PASS" ? conclusion : null,
    };
  }

  #result(id: CheckId, error: string | null): CheckResult {
    const { claim, side, expected, source } = CHECKS[id];
    const finding = this.#findings.get(id) ?? {
      status: "fail",
      observed: "never ran",
      evidence: { error },
    };
    return { id, claim, side, expected, source, ...finding };
  }

  #requirePlanned(id: CheckId): void {
    if (this.#plan.includes(id)) return;
    throw new ExperimentError(`${id} is no check of this experiment`);
  }
}

function rounded(milliseconds: number, parts: number): number {
  return Math.round(milliseconds * parts) / parts;
}

function shortened(text: string): string {
  return text.length > CALL_LENGTH ? `${text.slice(0, CALL_LENGTH - 1).toWellFormed()}…` : text;
}
