/**
 * The test runner's view: KTAP, as the kernel's own selftests print it. Source: Documentation/dev-tools/ktap.rst.
 *
 * One test an experiment, in it one a check; what the specification leaves open is as kselftest does it: what could not be answered is a
 * test that was skipped, and the exit status says so as well (4 is KSFT_SKIP). A run that did not come to its end bails out.
 *
 * @module
 */

import type { CheckResult, Evidence, ExperimentEvidence } from "../evidence/evidence.ts";
import { Exit } from "../evidence/errors.ts";
import { escapeText } from "../evidence/escape.ts";
import { childsPart, describeSeers } from "./seen_by.ts";

const VERSION_LINE = "KTAP version 1";

/** The evidence as KTAP, version 1. */
export function renderTap(evidence: Evidence): string {
  const { experiments, environment, error, exit } = evidence;
  const where = [
    `fdpass ${evidence.version}, Linux ${environment.kernel} (${environment.arch}), ` +
    `${environment.libc}, Deno ${environment.deno}`,
    `interface ${environment.interface ?? "unknown"}, user ${environment.user ?? "unknown"}, ` +
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
  const open = checks.filter(({ status }) => status === "skip").map(({ id }) => id);
  const directive = verdict === "INCONCLUSIVE"
    ? ` # SKIP INCONCLUSIVE: nothing to judge ${open.join(", ")} by`
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
  const said = [`observed: ${observed}${part === undefined ? "" : ` (${part})`}`];
  if (status === "fail") {
    said.push(
      `expected: ${expected}`,
      `seen by: ${describeSeers(seen_by)}`,
      `source: ${source}`,
      `evidence: ${JSON.stringify(evidence)}`,
    );
  }
  const result = status === "fail" ? "not ok" : "ok";
  const directive = status === "skip" ? ` # SKIP ${escapeText(observed)}` : "";
  return [
    ...said.map(diagnostic),
    `${result} ${number} - ${description(`${id} ${claim}`)}${directive}`,
  ];
}

function diagnostic(text: string): string {
  return `# ${escapeText(text)}`;
}

/** A description: what would be read as a directive in it is not. */
function description(text: string): string {
  return escapeText(text).replaceAll("#", "\\#");
}

function inLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
