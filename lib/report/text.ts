/**
 * The transcript of a run, for readers. It is made from the evidence alone.
 *
 * @module
 */

import { bold, dim, green, red, yellow } from "@std/fmt/colors";
import {
  type Cell,
  type CheckResult,
  type Evidence,
  type ExperimentEvidence,
  isOpen,
  type Line,
  type Matrix,
  type Step,
} from "../evidence/evidence.ts";
import { escapeText } from "../evidence/escape.ts";
import { describeLink } from "./link.ts";
import { MARK } from "./marks.ts";
import { childsPart, describeSeenBy } from "./seen_by.ts";

/** Options of {@linkcode renderText}. */
export interface TextOptions {
  readonly color: boolean;
  /** `quiet`: the verdict alone. `verbose`: also the evidence of every check, and every packet. */
  readonly amount: "quiet" | "normal" | "verbose";
}

type Paint = (text: string) => string;

interface Palette {
  readonly pass: Paint;
  readonly fail: Paint;
  readonly skip: Paint;
  readonly heading: Paint;
  readonly detail: Paint;
}

const plain: Paint = (text) => text;
const PLAIN: Palette = { pass: plain, fail: plain, skip: plain, heading: plain, detail: plain };
const COLORED: Palette = { pass: green, fail: red, skip: yellow, heading: bold, detail: dim };

/** Returns the transcript of a run. */
export function renderText(evidence: Evidence, { color, amount }: TextOptions): string {
  const paint = color ? COLORED : PLAIN;
  const { experiments } = evidence;
  const verdicts = experiments.map((each) => renderVerdict(each, paint));
  const overall = experiments.length > 1 ? [renderOverall(evidence, paint)] : [];
  if (amount === "quiet") return [...verdicts, ...overall].map((line) => `${line}\n`).join("");
  const summary = [
    paint.heading("=== All Experiments ==="),
    "",
    ...verdicts.map((line) => `  ${line}`),
    "",
    ...overall,
    "",
  ].join("\n");
  return [
    ...experiments.map((each) => renderExperiment(evidence, each, paint, amount === "verbose")),
    ...experiments.length > 1 ? [summary] : [],
  ].join("\n");
}

/** Returns the message of a run that ended in an error. */
export function renderFailure(message: string, remedy: string | null, paint = PLAIN): string {
  const advice = remedy === null ? "" : `  ${escapeText(remedy)}\n`;
  return `${paint.fail(`fdpass: ${escapeText(message)}`)}\n${advice}`;
}

const STATUS = { PASS: "pass", FAIL: "fail", INCONCLUSIVE: "skip" } as const;

function renderOverall({ verdict, experiments }: Evidence, paint: Palette): string {
  const status = STATUS[verdict];
  const passed = experiments.filter((each) => each.verdict === "PASS").length;
  return paint[status](
    `${MARK[status]} ${verdict}: ${passed} of ${experiments.length} experiments are a PASS`,
  );
}

function renderVerdict(experiment: ExperimentEvidence, paint: Palette): string {
  const { name, verdict, checks, error } = experiment;
  const passed = checks.filter(({ status }) => status === "pass").length;
  const color = paint[STATUS[verdict]];
  const reasons = error !== null ? [error] : verdict === "INCONCLUSIVE" ? whyOpen(checks) : [];
  const reason = reasons.map((each) => `; ${escapeText(each)}`).join("");
  return `${color(verdict)} ${name}: ${passed} of ${checks.length} checks hold${reason}`;
}

/** The reasons why checks could not be judged, each once, and how to get traffic if that helps. */
function whyOpen(checks: readonly CheckResult[]): string[] {
  const open = checks.filter(isOpen).map(({ observed }) => observed);
  return [...new Set(open), ...open.some(lacksTraffic) ? [GET_TRAFFIC] : []];
}

const lacksTraffic = (reason: string) => reason.startsWith("no stimulus");

const GET_TRAFFIC =
  "to get traffic, name an interface whose veth peer is here, or use --stimulus or a longer --timeout";

function renderExperiment(
  { environment }: Evidence,
  experiment: ExperimentEvidence,
  paint: Palette,
  verbose: boolean,
): string {
  return [
    paint.heading(`=== ${escapeText(experiment.title)} Experiment ===`),
    "",
    "Configuration:",
    `  Interface: ${escapeText(environment.interface ?? "")}`,
    ...environment.link === null ? [] : [
      paint.detail(`    · ${escapeText(describeLink(environment.link, environment.interface))}`),
    ],
    `  Running as: ${escapeText(environment.running_as)}`,
    ...(verbose
      ? [
        `Kernel ${environment.kernel} (${environment.arch}), ${environment.libc}, Deno ${environment.deno}`,
        `Target user: ${environment.user ?? ""}`,
      ].map((text) => paint.detail(`  · ${escapeText(text)}`))
      : []),
    "",
    ...experiment.steps.flatMap((step) => [
      ...renderStep(step, experiment, paint, verbose),
      "",
    ]),
    ...renderMatrix(experiment.matrix, paint, verbose),
    ...renderConclusion(experiment, paint),
    "",
  ].join("\n");
}

const ROLE = { parent: "Parent", child: "Child" } as const;

function renderStep(
  { side, privileged, title, lines: all }: Step,
  experiment: ExperimentEvidence,
  paint: Palette,
  verbose: boolean,
): string[] {
  const heading = `[${ROLE[side]}/${privileged ? "Privileged" : "Unprivileged"}] ${
    escapeText(title)
  }`;
  const lines = all.filter(({ kind }) => kind !== "message");
  const hasPackets = lines.some(({ kind }) => kind === "packet");
  const body = lines.flatMap((line, i) => [
    ...(hasPackets && line.kind === "packet" && lines[i - 1]?.kind === "note" ? [""] : []),
    ...renderLine(line, experiment, paint, verbose),
  ]);
  return [paint.heading(heading), ...body];
}

function renderLine(
  line: Line,
  { checks, packets }: ExperimentEvidence,
  paint: Palette,
  verbose: boolean,
): string[] {
  switch (line.kind) {
    case "message":
      return [];
    case "detail":
      return [paint.detail(`  · ${escapeText(line.text)}`)];
    case "note":
    case "done": {
      const behind = line.checks.map((id) => checks.find((check) => check.id === id)!);
      const status = statusOf(behind);
      const text = escapeText(line.text);
      return [
        line.kind === "note" ? `  ${text}` : `  ${paint[status](MARK[status])} ${text}`,
        ...behind.flatMap((check) => renderCheck(check, paint, verbose)),
      ];
    }
    case "packet": {
      const { bytes, summary, ours, after_drop } = packets[line.packet];
      if (line.number > 0) {
        const origin = ours ? "" : paint.detail(" · not of this run's stimulus");
        return [
          `  [${line.number}] Received packet: ${bytes} bytes`,
          `      → ${escapeText(summary)}${verbose ? origin : ""}`,
        ];
      }
      const why = after_drop ? "ambient traffic" : "not seen by root's own socket after the drop";
      return verbose
        ? [paint.detail(`  · not counted (${why}): ${bytes} bytes, ${escapeText(summary)}`)]
        : [];
    }
  }
}

function statusOf(checks: readonly CheckResult[]): CheckResult["status"] {
  if (checks.some(({ status }) => status === "fail")) return "fail";
  return checks.some(({ status }) => status === "skip") ? "skip" : "pass";
}

function renderCheck(check: CheckResult, paint: Palette, verbose: boolean): string[] {
  const { id, status, claim, expected, observed, evidence, source, seen_by } = check;
  const part = childsPart(seen_by);
  const remarks: string[] = [];
  if (verbose || status === "fail") {
    remarks.push(`claim: ${claim}`, `expected: ${expected}`);
  }
  if (verbose) {
    remarks.push(
      `seen by: ${describeSeenBy(seen_by)}`,
      `source: ${source}`,
      `evidence: ${JSON.stringify(evidence)}`,
    );
  }
  const remark = part === undefined ? "" : ` (${part})`;
  return [
    `    · ${paint[status](MARK[status])} ${id} ${paint.detail(escapeText(observed + remark))}`,
    ...remarks.map((text) => `        ${escapeText(text)}`),
  ];
}

/**
 * Renders the matrix: the outcome of each operation without protections and under all of them, and
 * the protections that take it away. If `verbose`, every column.
 */
function renderMatrix(matrix: Matrix | null, paint: Palette, verbose: boolean): string[] {
  if (matrix === null) return [];
  const { columns, rows } = matrix;
  const alone = columns.filter((name) => name !== "plain" && name !== "hardened");
  const shown = verbose ? columns : ["plain", "hardened"];
  const heading = ["operation", ...shown, ...verbose ? [] : ["taken away by"]];
  const table = rows.map(({ operation, cells }) => {
    const plain = cells.plain?.outcome;
    const takers = alone.filter((name) => plain === "allowed" && cells[name]?.outcome !== plain);
    const outcomes = shown.map((name) => describeCell(cells[name]));
    return [operation, ...outcomes, ...verbose ? [] : [takers.join(", ")]];
  });
  const widths = heading.map((_, i) =>
    Math.max(...[heading, ...table].map((row) => row[i].length))
  );
  const line = (row: readonly string[]) =>
    `  ${row.map((word, i) => word.padEnd(widths[i])).join("  ")}`.trimEnd();
  return [
    paint.heading("What the holder of the socket may do:"),
    paint.detail(line(heading)),
    ...table.map(line).map(escapeText),
    "",
  ];
}

/** Formats an outcome. The expected outcome follows if it differs. */
function describeCell(cell: Cell | undefined): string {
  if (cell === undefined) return "never tried";
  return cell.outcome === cell.known ? cell.outcome : `${cell.outcome} (expected: ${cell.known})`;
}

function renderConclusion(experiment: ExperimentEvidence, paint: Palette): string[] {
  const { verdict, conclusion, checks, decisions, error } = experiment;
  if (verdict === "PASS" && conclusion !== null) {
    return [
      paint.pass(`✓ SUCCESS: ${escapeText(conclusion.headline)}`),
      ...conclusion.points.map((point) => `  - ${escapeText(point)}`),
      "",
      paint.pass(`✓ ${escapeText(conclusion.decision)}`),
    ];
  }
  const open = checks.filter(verdict === "FAIL" ? ({ status }) => status === "fail" : isOpen);
  const rows = open.map(({ id, claim, observed }) =>
    `  - ${id} ${escapeText(observed === error ? claim : `${claim}: ${observed}`)}`
  );
  const cause = error === null ? [] : [`  ${escapeText(error)}`];
  const names = decisions.join(", ");
  return verdict === "FAIL"
    ? [
      paint.fail(`✗ FAILURE: ${open.length} of ${checks.length} checks do not hold`),
      ...cause,
      ...rows,
      "",
      paint.fail(`✗ Not validated: ${names}`),
    ]
    : [
      paint.skip(
        !checks.some(({ status }) => status === "pass")
          ? "– INCONCLUSIVE: no check could be judged"
          : `– INCONCLUSIVE: ${open.length} of ${checks.length} checks could not be judged`,
      ),
      ...cause,
      ...rows,
      ...open.some(({ observed }) => lacksTraffic(observed)) ? [`  ${sentence(GET_TRAFFIC)}`] : [],
      "",
      paint.skip(`– Neither validated nor refuted: ${names}`),
    ];
}

const sentence = (words: string) => words[0].toUpperCase() + words.slice(1);
