/**
 * What is known of a check before any run.
 *
 * @module
 */

import { type CheckId, describeCheck } from "../evidence/checks.ts";
import { CONFINEMENT_CHECKS } from "../evidence/checks.ts";
import type { Experiment } from "../harness/experiment.ts";
import { EXPLANATIONS } from "../evidence/explanations.ts";
import { describeSeers } from "./seen_by.ts";

/** Which experiments judge a check, as they are asked for: `privilege-drop`, or `io-uring --harden`. */
export function judgedBy(id: CheckId, experiments: readonly Experiment[]): string[] {
  return experiments.flatMap(({ name, plan, hardenedPlan = [] }) => {
    if (plan.includes(id)) return [name];
    const hardened: readonly CheckId[] = [...CONFINEMENT_CHECKS, ...hardenedPlan];
    return hardened.includes(id) ? [`${name} --harden`] : [];
  });
}

/** What a check claims, why, and where it is written. */
export function renderExplanation(id: CheckId, experiments: readonly Experiment[]): string {
  const { claim, expected, source, essential } = describeCheck(id);
  const { why, refutedBy, seenBy } = EXPLANATIONS[id];
  const decisions = source.match(/\bD\d+\b/g) ?? [];
  const written = source.split("; ").filter((part) => !/^D\d+(, D\d+)*$/.test(part));
  const rows: [name: string, text: string][] = [
    ["Expected", `${expected}.`],
    ["Why", why],
    ["Refuted by", refutedBy],
    ["Seen by", describeSeers(seenBy)],
    ...essential
      ? [["Essential", "skipped, it makes the verdict INCONCLUSIVE"] as [string, string]]
      : [],
    ["Written in", written.length > 0 ? written.join("; ") : "the design"],
    ...decisions.length > 0 ? [["Decision", decisions.join(", ")] as [string, string]] : [],
    ["Part of", judgedBy(id, experiments).join(", ")],
  ];
  const body = rows.map(([name, text]) => `  ${name.padEnd(INDENT - 2)}${wrapped(text)}\n`);
  return `${id}  ${claim}\n\n${body.join("")}`;
}

/** Where the second column begins, and where it ends. */
const INDENT = 15, WIDTH = 100;

/** `text` in lines, all but the first of them indented. */
function wrapped(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > WIDTH - INDENT) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.join(`\n${" ".repeat(INDENT)}`);
}
