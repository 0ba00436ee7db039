/**
 * The record of one experiment while it runs: steps, lines, findings, packets, in the order in which they came about.
 *
 * @module
 */

import { type CheckId, CHECKS, type Side } from "./checks.ts";
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
  type SeenBy,
  skipped,
  type Step,
  verdictOf,
} from "./evidence.ts";
import { Judgement } from "./judgement.ts";
import { ExperimentError } from "./errors.ts";
import type { KeepCall } from "../harness/trace/hub.ts";

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
  /** Those of them that nobody but the child can judge: a pass or a fail that it reports counts. The report says so. */
  readonly byChildsWord?: readonly CheckId[];
}

/** Collects the evidence of one experiment. */
export class ExperimentRecord {
  readonly #experiment: ExperimentDescription;
  /** The whole plan, in its order. */
  readonly #judgements: ReadonlyMap<CheckId, Judgement>;
  readonly #steps: (Step & { lines: Line[] })[] = [];
  /** Those of the step that was begun last. */
  readonly #messages = new Map<string, { times: number }>();
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
    const { plan, byChildsWord = [] } = experiment;
    this.#judgements = new Map(
      [...plan, ...more].map((id) => [id, new Judgement(byChildsWord.includes(id))]),
    );
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
    if ("checks" in saying) saying.checks.forEach((id) => this.#judgement(id));
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
   * Records what the parent found of a check. It may look more than once: the worst of it counts.
   *
   * @throws {ExperimentError} If it is not in the plan.
   */
  decide(id: CheckId, finding: Finding, seenBy: readonly SeenBy[]): void {
    this.#judgement(id).decide(finding, seenBy);
  }

  /** Records, for every check that is not decided yet, that there is nothing to judge by. */
  skipRest(reason: string): void {
    for (const judgement of this.#judgements.values()) {
      if (!judgement.isDecided) judgement.decide(skipped(reason), ["parent"]);
    }
  }

  /**
   * Hears what the child says of a check: a second opinion, whenever it comes and however often.
   *
   * @throws {ExperimentError} If it is not in the plan, or is too much.
   */
  opinion(id: CheckId, finding: Finding): void {
    if (!this.#judgement(id).hear(finding)) return;
    this.heard(finding.observed + JSON.stringify(finding.evidence));
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
    const checks = [...this.#judgements].map(([id, judgement]): CheckResult => {
      const { claim, side, expected, source } = CHECKS[id];
      return { id, claim, side, expected, source, ...judgement.result(error) };
    });
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

  #judgement(id: CheckId): Judgement {
    const judgement = this.#judgements.get(id);
    if (judgement === undefined) throw new ExperimentError(`${id} is no check of this experiment`);
    return judgement;
  }
}

function rounded(milliseconds: number, parts: number): number {
  return Math.round(milliseconds * parts) / parts;
}

function shortened(text: string): string {
  return text.length > CALL_LENGTH ? `${text.slice(0, CALL_LENGTH - 1).toWellFormed()}…` : text;
}
