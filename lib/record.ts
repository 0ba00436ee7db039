/**
 * The record of one experiment while it runs: steps, lines, findings, packets, in the order in which they came about.
 *
 * @module
 */

import { type CheckId, CHECKS, describeCheck, type Side } from "./checks.ts";
import {
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

/** The most lines and findings that one experiment may leave: a bound on what a child can make the parent keep. */
const LINE_LIMIT = 1_000_000;

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
  #matrix: Matrix | null = null;
  #lines = 0;

  /**
   * @param experiment What is recorded.
   * @param more Checks beside those of its plan, which become part of it.
   */
  constructor(experiment: ExperimentDescription, more: readonly CheckId[] = []) {
    this.#experiment = experiment;
    this.#plan = [...new Set([...experiment.plan, ...more])];
  }

  /** Begins a step. */
  step(side: Side, privileged: boolean, title: string): void {
    this.#countLine();
    this.#messages.clear();
    this.#steps.push({ side, privileged, title, lines: [], at_ms: this.#elapsed() });
  }

  /** Adds a line to the step that was begun last. */
  line(saying: Saying): void {
    this.#countLine();
    this.#steps.at(-1)?.lines.push({ ...saying, at_ms: this.#elapsed() });
  }

  /** Adds a message between the two: a line for the first of its kind in a step, which counts the others. */
  message(from: Side, text: string, descriptors: number): void {
    const kind = `${from} ${descriptors} ${text}`;
    const known = this.#messages.get(kind);
    if (known !== undefined) return void known.times++;
    this.line({ kind: "message", from, text, descriptors, times: 1 });
    const kept = this.#steps.at(-1)?.lines.at(-1);
    if (kept?.kind === "message") this.#messages.set(kind, kept as { times: number });
  }

  /**
   * Records what came of a check.
   *
   * @throws {ExperimentError} If it is not in the plan, is the other side's to judge, or has been judged before.
   */
  find(side: Side, id: CheckId, finding: Finding): void {
    if (!this.#plan.includes(id) || describeCheck(id).side !== side) {
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

  /** Adds a packet; returns its index. */
  packet(packet: Packet): number {
    return this.#packets.push(packet) - 1;
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

  #elapsed(): number {
    return Math.round((performance.now() - this.#started) * 10) / 10;
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

  #countLine(): void {
    if (++this.#lines > LINE_LIMIT) throw new ExperimentError("The child says too much");
  }
}
