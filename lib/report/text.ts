/**
 * The transcript of a run, for readers. It is made from the evidence alone.
 *
 * @module
 */

import {
  type CheckResult,
  type Evidence,
  type ExperimentEvidence,
  isInspection,
  isOpen,
} from "../evidence/evidence.ts";
import { escapeText } from "../evidence/escape.ts";
import { describeLink } from "./link.ts";
import { MARK } from "./marks.ts";
import { renderInspection } from "./text/inspection.ts";
import { folded } from "./text/lines.ts";
import { renderMatrix } from "./text/matrix.ts";
import { COLORED, type Palette, PLAIN } from "./text/palette.ts";
import { renderStep } from "./text/steps.ts";

/** Options of {@linkcode renderText}. */
export interface TextOptions {
  readonly color: boolean;
  /** `quiet`: the verdict alone. `verbose`: also the evidence of every check, and every packet. */
  readonly amount: "quiet" | "normal" | "verbose";
}

/** Returns the transcript of a run. */
export function renderText(evidence: Evidence, { color, amount }: TextOptions): string {
  const paint = color ? COLORED : PLAIN;
  const { experiments } = evidence;
  const verdicts = experiments.map((each) => renderVerdict(each, paint));
  const overall = experiments.length > 1 ? [renderOverall(evidence, paint)] : [];
  if (amount === "quiet") return [...verdicts, ...overall].map((line) => `${line}\n`).join("");
  const summary = [
    paint.heading(`=== All ${experiments.every(isInspection) ? "Inspections" : "Experiments"} ===`),
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

function renderOverall(evidence: Evidence, paint: Palette): string {
  const { verdict, experiments } = evidence;
  const status = STATUS[verdict];
  const passed = experiments.filter((each) => each.verdict === "PASS").length;
  const each = experiments.every(isInspection) ? "inspections" : "experiments";
  return paint[status](
    `${MARK[status]} ${verdict}: ${passed} of ${experiments.length} ${each} are a PASS`,
  );
}

function renderVerdict(experiment: ExperimentEvidence, paint: Palette): string {
  const { name, title, verdict, checks, error } = experiment;
  const what = isInspection(experiment) ? `${name}: ${escapeText(title)}` : name;
  const passed = checks.filter(({ status }) => status === "pass").length;
  const color = paint[STATUS[verdict]];
  const reasons = error !== null ? [error] : verdict === "INCONCLUSIVE" ? whyOpen(checks) : [];
  const reason = reasons.map((each) => `; ${escapeText(each)}`).join("");
  const leftOut = checks.filter(({ left_out }) => left_out).length;
  const rest = leftOut === 0 ? "" : `, ${leftOut} left out`;
  return `${color(verdict)} ${what}: ${passed} of ${checks.length} checks hold${rest}${reason}`;
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
  evidence: Evidence,
  experiment: ExperimentEvidence,
  paint: Palette,
  verbose: boolean,
): string {
  if (isInspection(experiment)) {
    return [
      ...renderInspection(evidence, experiment, { paint, verbose }),
      ...renderConclusion(experiment, paint),
      "",
    ].join("\n");
  }
  const { environment } = evidence;
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

function renderConclusion(experiment: ExperimentEvidence, paint: Palette): string[] {
  const { verdict, conclusion, checks, decisions, error } = experiment;
  const lines = (before: string, text: string) =>
    isInspection(experiment) ? folded(before, text) : [`${before}${escapeText(text)}`];
  const wasNeverSeen = isInspection(experiment) && experiment.process === null;
  if (verdict === "PASS" && conclusion !== null) {
    return [
      paint.pass(`✓ SUCCESS: ${escapeText(conclusion.headline)}`),
      ...conclusion.points.flatMap((point) => lines("  - ", point)),
      "",
      paint.pass(`✓ ${escapeText(conclusion.decision)}`),
    ];
  }
  const open = checks.filter(verdict === "FAIL" ? ({ status }) => status === "fail" : isOpen);
  const rows = wasNeverSeen
    ? []
    : open.flatMap(({ id, claim, observed }) =>
      lines(`  - ${id} `, observed === error ? claim : `${claim}: ${observed}`)
    );
  const cause = error === null ? [] : lines("  ", error);
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
