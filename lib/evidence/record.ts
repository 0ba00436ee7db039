/**
 * The record of one experiment while it runs: its steps, lines, findings and packets, in order.
 *
 * @module
 */

import { type CheckId, CHECKS, describeCheck, type Side } from "./checks.ts";
import type { ExperimentDescription } from "./description.ts";
import { ExperimentError } from "./errors.ts";
import {
  type Call,
  type CheckResult,
  type Conclusion,
  type ExperimentEvidence,
  type Finding,
  type Line,
  type LineContent,
  type Matrix,
  type Packet,
  type SeenBy,
  skipped,
  type Step,
} from "./evidence.ts";
import type { InspectedProcess } from "./inspected.ts";
import { type EarlyEnd, Judgement } from "./judgement.ts";
import { verdictOf, verdictOfEarlyEnd } from "./verdict.ts";

/**
 * The most text that the children of one experiment may add to the record, in characters. It bounds
 * the memory that they can make the parent use. Well-behaved children send 40,000 at most. A view
 * can be six times as long as the text, and several are made.
 */
export const CHILD_TEXT_LIMIT = 1 << 20;

/** The size counted for each message in addition to its text, for the objects that hold it. */
const MESSAGE_SIZE = 128;

/**
 * The most packets that are kept of those that do not count. Packets that count are as many as were
 * asked for. A child can forward any number of others, and so can a busy network.
 */
export const UNCOUNTED_LIMIT = 10_000;

/** The most calls that are kept of each side of an experiment. */
export const CALL_LIMIT = 2000;

/** The most characters that are kept of each call. */
export const CALL_LENGTH = 240;

/** A call that a process reports in its trace. */
export interface RecordedCall {
  /** The time at which it began, in milliseconds since 1970. */
  readonly began: number;
  /** Duration in milliseconds. */
  readonly milliseconds: number;
  /** The thread id; null for a thread without JavaScript. */
  readonly tid: number | null;
  /** Such as `close(fd: 7) = 0`. */
  readonly text: string;
}

/**
 * Adds a call to the evidence. Returns false if it was not kept, because that side made too many.
 */
export type KeepCall = (side: Side, pid: number, call: RecordedCall) => boolean;

/** Collects the evidence of one experiment. */
export class ExperimentRecord {
  readonly #experiment: ExperimentDescription;
  /** By check, in the order of the plan. */
  readonly #judgements: ReadonlyMap<CheckId, Judgement>;
  readonly #steps: (Step & { lines: Line[] })[] = [];
  /** The messages of the current step. */
  readonly #messages = new Map<string, { times: number }>();
  readonly #packets: Packet[] = [];
  readonly #figures: { [name: string]: number } = {};
  readonly #started = performance.now();
  readonly #calls: Call[] = [];
  readonly #callsLeft = { parent: CALL_LIMIT, child: CALL_LIMIT };
  #areCallsCut = false;
  #matrix: Matrix | null = null;
  #process: InspectedProcess | null = null;
  /** Returns the counters of the workers in a few words, for the progress line. */
  counters: (() => string) | undefined;
  #childText = 0;
  #uncounted = 0;
  #interfaceEvent: string | undefined;

  /**
   * @param experiment The experiment to record.
   * @param more Checks to add to its plan.
   */
  constructor(experiment: ExperimentDescription, more: readonly CheckId[] = []) {
    this.#experiment = experiment;
    const { plan, byChildsWord = [] } = experiment;
    this.#judgements = new Map(
      [...plan, ...more].map((id) => [id, new Judgement(byChildsWord.includes(id))]),
    );
  }

  /**
   * Counts a text from a child that is kept.
   *
   * @throws {ExperimentError} If the children have sent more than {@linkcode CHILD_TEXT_LIMIT}.
   */
  countChildText(text: string): void {
    this.#childText += MESSAGE_SIZE + text.length;
    if (this.#childText <= CHILD_TEXT_LIMIT) return;
    throw new ExperimentError(
      `The child sends too much: more than ${CHILD_TEXT_LIMIT} characters`,
    );
  }

  /**
   * Begins a step.
   *
   * @param at The time at which it began, in milliseconds since 1970; now if omitted.
   */
  step(side: Side, privileged: boolean, title: string, at?: number): void {
    this.#messages.clear();
    this.#steps.push({ side, privileged, title, lines: [], at_ms: this.#moment(at) });
  }

  /**
   * Adds a line to the current step.
   *
   * @throws {ExperimentError} If it names a check that is not in the plan.
   */
  line(content: LineContent, at?: number): void {
    if ("checks" in content) content.checks.forEach((id) => this.#judgement(id));
    this.#steps.at(-1)?.lines.push({ ...content, at_ms: this.#moment(at) });
  }

  /**
   * Adds a message between parent and child. Equal messages of one step share a line, which counts
   * them.
   */
  message(from: Side, text: string, descriptors: number, at?: number): void {
    const kind = `${from} ${descriptors} ${text}`;
    const known = this.#messages.get(kind);
    if (known !== undefined) return void known.times++;
    this.line({ kind: "message", from, text, descriptors, times: 1 }, at);
    const kept = this.#steps.at(-1)?.lines.at(-1);
    if (kept?.kind === "message") this.#messages.set(kind, kept as { times: number });
  }

  /**
   * Records a finding by the parent. The parent may look more than once: the worst finding
   * counts.
   *
   * @param restsOnInterface Whether it shows nothing if an interface changes during the run; by
   * default as the catalogue has it for the check.
   * @throws {ExperimentError} If the check is not in the plan.
   */
  decide(
    id: CheckId,
    finding: Finding,
    seenBy: readonly SeenBy[],
    restsOnInterface = restsOnInterfaceOf(id),
  ): void {
    this.#judgement(id).decide(finding, seenBy, restsOnInterface);
  }

  /**
   * Records that an interface of the run has changed. Checks that rest on it are skipped then,
   * and so are those that are not decided yet. The verdict is not PASS, whatever else holds.
   *
   * @param event What has happened to it, such as `"eth0" went down during the run`.
   */
  interfaceChanged(event: string): void {
    this.#interfaceEvent = event;
  }

  /** Skips every check that is not decided yet, for `reason`. */
  skipRest(reason: string): void {
    for (const judgement of this.#judgements.values()) {
      if (!judgement.isDecided) judgement.decide(skipped(reason), ["parent"]);
    }
  }

  /**
   * Records an opinion of the child. It may come at any time, and any number of times.
   *
   * @throws {ExperimentError} If the check is not in the plan, or the child sends too much.
   */
  opinion(id: CheckId, finding: Finding): void {
    if (!this.#judgement(id).addOpinion(finding)) return;
    this.countChildText(finding.observed + JSON.stringify(finding.evidence));
  }

  /**
   * Adds a packet, and its line.
   *
   * @param number The packet's ordinal among those that count. 0 for one that does not count: the
   * first {@linkcode UNCOUNTED_LIMIT} of those are kept.
   */
  packet(packet: Packet, number: number): void {
    if (number === 0 && ++this.#uncounted > UNCOUNTED_LIMIT) {
      this.figure("packets_not_kept", this.#uncounted - UNCOUNTED_LIMIT);
      return;
    }
    this.line({ kind: "packet", number, packet: this.#packets.push(packet) - 1 });
  }

  /** The number of packets so far. */
  get packetCount(): number {
    return this.#packets.length;
  }

  /** Sets the matrix. */
  matrix(matrix: Matrix): void {
    this.#matrix = matrix;
  }

  /** Sets the inspected process. */
  process(process: InspectedProcess): void {
    this.#process = process;
  }

  /** Sets a figure. */
  figure(name: string, value: number): void {
    this.#figures[name] = value;
  }

  /** Sets the figure `STAGE_ms` to the time since the experiment began. */
  timestamp(stage: string): void {
    this.#figures[`${stage}_ms`] = this.#elapsed();
  }

  /** Adds a call: the record's {@linkcode KeepCall}. */
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

  /**
   * Converts a time to milliseconds since the experiment began. A child may report any time, so the
   * result is never before the beginning, nor after now.
   */
  #moment(at = Infinity): number {
    const began = performance.timeOrigin + this.#started;
    return Math.max(0, Math.min(rounded(at - began, 1000), this.#elapsed(1000)));
  }

  #elapsed(parts = 10): number {
    return rounded(performance.now() - this.#started, parts);
  }

  /**
   * Closes the record, and returns the evidence.
   *
   * @param conclusion The closing words if every check holds; null if the experiment ended early.
   * @param end How it ended early; null if it did not.
   */
  close(conclusion: Conclusion | null, end: EarlyEnd | null): ExperimentEvidence {
    const checks = [...this.#judgements].map(([id, judgement]): CheckResult => {
      const { claim, side, expected, source } = CHECKS[id];
      const event = this.#interfaceEvent;
      const result = event === undefined
        ? judgement.result(end)
        : judgement.resultAfter(event, !restsOnInterfaceOf(id));
      return { id, claim, side, expected, source, ...result };
    });
    const verdict = end === null ? verdictOf(checks) : verdictOfEarlyEnd(checks, end);
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
      process: this.#process,
      error: end?.message ?? null,
      conclusion: verdict === "PASS" ? conclusion : null,
    };
  }

  #judgement(id: CheckId): Judgement {
    const judgement = this.#judgements.get(id);
    if (judgement === undefined) {
      throw new ExperimentError(`${id} is not a check of this experiment`);
    }
    return judgement;
  }
}

function restsOnInterfaceOf(id: CheckId): boolean {
  return describeCheck(id).restsOnInterface === true;
}

function rounded(milliseconds: number, parts: number): number {
  return Math.round(milliseconds * parts) / parts;
}

function shortened(text: string): string {
  return text.length > CALL_LENGTH ? `${text.slice(0, CALL_LENGTH - 1).toWellFormed()}…` : text;
}
