/**
 * The evidence as KTAP, for test runners, as the kernel's own selftests print it. Source:
 * Documentation/dev-tools/ktap.rst.
 *
 * Each experiment is a test, and each check is a subtest. Where the specification leaves a choice,
 * this follows kselftest: an INCONCLUSIVE experiment is a skipped test, and the exit status is 4
 * (KSFT_SKIP). A run that ended early prints "Bail out!".
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
import { Exit } from "../evidence/errors.ts";
import { escapeText } from "../evidence/escape.ts";
import { describeLink } from "./link.ts";
import { warningsOf } from "./process_words.ts";
import { childsPart, describeSeenBy } from "./seen_by.ts";

const VERSION_LINE = "KTAP version 1";

/** Returns the evidence as KTAP, version 1. */
export function renderTap(evidence: Evidence): string {
  const { experiments, environment, error, exit } = evidence;
  const where = [
    `fdpass ${evidence.version}, Linux ${environment.kernel} (${environment.arch}), ` +
    `${environment.libc}, Deno ${environment.deno}`,
    `${describeArguments(evidence)}started ${environment.started}`,
  ].map(diagnostic);
  if (error !== null && experiments.length === 0 && exit === Exit.INCONCLUSIVE) {
    const reason = [error.message, error.remedy ?? ""].filter((part) => part !== "").join("; ");
    return inLines([VERSION_LINE, ...where, `1..0 # SKIP ${escapeText(reason)}`]);
  }
  return inLines([
    VERSION_LINE,
    `1..${experiments.length}`,
    ...where,
    ...experiments.flatMap((experiment, i) => renderExperiment(experiment, i + 1)),
    ...error === null ? [] : [`Bail out! ${escapeText(error.message)}`],
  ]);
}

/** Describes the interface and the user. An inspection has neither. */
function describeArguments({ environment, experiments }: Evidence): string {
  if (experiments.length > 0 && experiments.every(isInspection)) return "";
  const link = environment.link === null
    ? ""
    : ` (${describeLink(environment.link, environment.interface)})`;
  return `interface ${environment.interface ?? "unknown"}${link}, ` +
    `user ${environment.user ?? "unknown"}, `;
}

function renderExperiment(experiment: ExperimentEvidence, number: number): string[] {
  const { question, verdict, checks, error, duration_ms, decisions, process } = experiment;
  const inspected = isInspection(experiment);
  const name = inspected ? `${experiment.name}: ${experiment.title}` : experiment.name;
  const result = verdict === "FAIL" ? "not ok" : "ok";
  const open = checks.filter(isOpen).map(({ id }) => id);
  const directive = verdict === "INCONCLUSIVE"
    ? ` # SKIP INCONCLUSIVE: could not judge ${open.join(", ")}`
    : "";
  return [
    ...[
      VERSION_LINE,
      diagnostic(`Subtest: ${name}`),
      `1..${checks.length}`,
      ...process === null ? [] : warningsOf(process).map(diagnostic),
      ...checks.flatMap((check, i) => renderCheck(check, i + 1, inspected)),
    ].map((line) => `  ${line}`),
    diagnostic(`${question} (${decisions.join(", ")})`),
    diagnostic(`${verdict} after ${duration_ms} ms`),
    ...error === null ? [] : [diagnostic(`ended early: ${error}`)],
    `${result} ${number} - ${description(name)}${directive}`,
  ];
}

function renderCheck(check: CheckResult, number: number, isInspected: boolean): string[] {
  const { id, claim, status, seen_by, expected, observed, source, evidence } = check;
  const part = childsPart(seen_by);
  const remarks = [`observed: ${observed}${part === undefined ? "" : ` (${part})`}`];
  if (status === "fail") {
    remarks.push(
      `expected: ${expected}`,
      `seen by: ${describeSeenBy(seen_by, isInspected)}`,
      `source: ${source}`,
      `evidence: ${JSON.stringify(evidence)}`,
    );
  }
  const result = status === "fail" ? "not ok" : "ok";
  const directive = status === "skip" ? ` # SKIP ${escapeText(observed)}` : "";
  return [
    ...remarks.map(diagnostic),
    `${result} ${number} - ${description(`${id} ${claim}`)}${directive}`,
  ];
}

function diagnostic(text: string): string {
  return `# ${escapeText(text)}`;
}

/** Returns a test description in which no `#` starts a directive. */
function description(text: string): string {
  return escapeText(text).replaceAll("#", "\\#");
}

function inLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
