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
  isOpen,
} from "../evidence/evidence.ts";
import { Exit } from "../evidence/errors.ts";
import { escapeText } from "../evidence/escape.ts";
import { describeLink } from "./link.ts";
import { childsPart, describeSeenBy } from "./seen_by.ts";

const VERSION_LINE = "KTAP version 1";

/** Returns the evidence as KTAP, version 1. */
export function renderTap(evidence: Evidence): string {
  const { experiments, environment, error, exit } = evidence;
  const link = environment.link === null
    ? ""
    : ` (${describeLink(environment.link, environment.interface)})`;
  const where = [
    `fdpass ${evidence.version}, Linux ${environment.kernel} (${environment.arch}), ` +
    `${environment.libc}, Deno ${environment.deno}`,
    `interface ${environment.interface ?? "unknown"}${link}, user ${
      environment.user ?? "unknown"
    }, ` +
    `started ${environment.started}`,
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

function renderExperiment(experiment: ExperimentEvidence, number: number): string[] {
  const { name, question, verdict, checks, error, duration_ms, decisions } = experiment;
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
      ...checks.flatMap((check, i) => renderCheck(check, i + 1)),
    ].map((line) => `  ${line}`),
    diagnostic(`${question} (${decisions.join(", ")})`),
    diagnostic(`${verdict} after ${duration_ms} ms`),
    ...error === null ? [] : [diagnostic(`ended early: ${error}`)],
    `${result} ${number} - ${description(name)}${directive}`,
  ];
}

function renderCheck(check: CheckResult, number: number): string[] {
  const { id, claim, status, seen_by, expected, observed, source, evidence } = check;
  const part = childsPart(seen_by);
  const remarks = [`observed: ${observed}${part === undefined ? "" : ` (${part})`}`];
  if (status === "fail") {
    remarks.push(
      `expected: ${expected}`,
      `seen by: ${describeSeenBy(seen_by)}`,
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
