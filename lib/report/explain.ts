/**
 * The explanation of a check, for `--explain`.
 *
 * @module
 */

import { type CheckId, describeCheck } from "../evidence/checks.ts";
import { checksOfHardening, type ExperimentDescription } from "../evidence/description.ts";
import { INSPECTION } from "../evidence/evidence.ts";
import { EXPLANATIONS } from "../evidence/explanations.ts";
import { describeSeenBy } from "./seen_by.ts";
import { WIDTH, wrap } from "./wrap.ts";

/**
 * Returns the experiments that judge a check, each as the command line asks for it:
 * `privilege-drop`, or `io-uring --harden`.
 */
export function judgedBy(id: CheckId, experiments: readonly ExperimentDescription[]): string[] {
  return experiments.flatMap((experiment) => {
    if (experiment.plan.includes(id)) return [experiment.name];
    return checksOfHardening(experiment).includes(id) ? [`${experiment.name} --harden`] : [];
  });
}

/** Returns the claim of a check, with the reason for it and its sources. */
export function renderExplanation(
  id: CheckId,
  experiments: readonly ExperimentDescription[],
): string {
  const { claim, expected, source } = describeCheck(id);
  const { why, refutedBy, seenBy } = EXPLANATIONS[id];
  const judges = judgedBy(id, experiments);
  const isInspected = judges[0]?.split(" ")[0] === INSPECTION;
  const decisions = source.match(/\bD\d+\b/g) ?? [];
  const sources = source.split("; ").filter((part) => !/^D\d+(, D\d+)*$/.test(part));
  const rows: [name: string, text: string][] = [
    ["Expected", `${expected}.`],
    ["Why", why],
    ["Refuted by", refutedBy],
    ["Seen by", describeSeenBy(seenBy, isInspected)],
    ["Source", sources.length > 0 ? sources.join("; ") : "the design"],
    ...decisions.length > 0 ? [["Decision", decisions.join(", ")] as [string, string]] : [],
    ["Part of", judges.join(", ")],
  ];
  const body = rows.map(([name, text]) => `  ${name.padEnd(INDENT - 2)}${wrapped(text)}\n`);
  return `${id}  ${claim}\n\n${body.join("")}`;
}

/** The column at which the texts begin. */
const INDENT = 15;

/** Breaks `text` into lines. All but the first are indented. */
function wrapped(text: string): string {
  return wrap(text, WIDTH - INDENT).join(`\n${" ".repeat(INDENT)}`);
}
