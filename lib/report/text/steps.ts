/**
 * The steps of an experiment, their lines and their checks, in the transcript.
 *
 * @module
 */

import {
  type CheckResult,
  type ExperimentEvidence,
  isInspection,
  type Line,
  type Step,
} from "../../evidence/evidence.ts";
import { escapeText } from "../../evidence/escape.ts";
import { MARK } from "../marks.ts";
import { childsPart, describeSeenBy } from "../seen_by.ts";
import { folded } from "./lines.ts";
import type { Palette } from "./palette.ts";

const ROLE = { parent: "Parent", child: "Child" } as const;

/** Renders a step of an experiment: who took it, and its lines. */
export function renderStep(
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

/** Renders a line of a step, with the checks behind it. */
export function renderLine(
  line: Line,
  experiment: ExperimentEvidence,
  paint: Palette,
  verbose: boolean,
): string[] {
  const { checks, packets } = experiment;
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
        ...behind.flatMap((check) => renderCheck(check, paint, verbose, isInspection(experiment))),
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

/**
 * Renders the result of a check. Its texts may come from an inspected process, and then keep to the
 * width of the transcript.
 */
export function renderCheck(
  check: CheckResult,
  paint: Palette,
  verbose: boolean,
  isInspected = false,
): string[] {
  const { id, status, claim, expected, observed, evidence, source, seen_by } = check;
  const part = childsPart(seen_by);
  const lines = (before: string, text: string) =>
    isInspected ? folded(before, text) : [`${before}${escapeText(text)}`];
  const remarks: string[] = [];
  if (verbose || status === "fail") {
    remarks.push(`claim: ${claim}`, `expected: ${expected}`);
  }
  if (verbose) {
    remarks.push(`seen by: ${describeSeenBy(seen_by, isInspected)}`, `source: ${source}`);
  }
  const remark = part === undefined ? "" : ` (${part})`;
  const before = `    · ${MARK[status]} ${id} `;
  const [first, ...more] = lines(before, observed + remark);
  return [
    `    · ${paint[status](MARK[status])} ${id} ${paint.detail(first.slice(before.length))}`,
    ...more.map(paint.detail),
    ...remarks.flatMap((text) => lines("        ", text)),
    ...verbose ? [`        ${escapeText(`evidence: ${JSON.stringify(evidence)}`)}`] : [],
  ];
}
