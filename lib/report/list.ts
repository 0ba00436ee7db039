/**
 * The list of experiments.
 *
 * @module
 */

import { type CheckId, CHECKS } from "../evidence/checks.ts";
import type { Experiment } from "../harness/experiment.ts";
import { judgedBy, renderExplanation } from "./explain.ts";

const IDS = Object.keys(CHECKS) as CheckId[];

/** Each experiment with the question that it answers; verbose, with all that is known of the checks that answer it. */
export function renderList(experiments: readonly Experiment[], verbose = false): string {
  const width = Math.max(...experiments.map(({ name }) => name.length));
  return experiments.map(({ name, question, decisions }) => {
    const heading = `${name.padEnd(width)}  ${question} (${decisions.join(", ")})\n`;
    if (!verbose) return heading;
    const hardened = renderChecks(`${name} --harden`, experiments);
    return [
      heading,
      ...renderChecks(name, experiments),
      ...hardened.length > 0 ? ["With --harden also:\n", ...hardened] : [],
    ].join("\n");
  }).join(verbose ? "\n\n" : "");
}

/** The checks of what is asked for, a paragraph each; of those that stand further up the claims alone, together. */
function renderChecks(asked: string, experiments: readonly Experiment[]): string[] {
  const ids = IDS.filter((id) => judgedBy(id, experiments).includes(asked));
  const [isNew, isAbove] = [true, false].map((wanted) =>
    ids.filter((id) => (judgedBy(id, experiments)[0] === asked) === wanted)
  );
  return [
    ...isNew.map((id) => renderExplanation(id, experiments)),
    ...isAbove.length > 0
      ? [isAbove.map((id) => `${id}  ${CHECKS[id].claim} (above)\n`).join("")]
      : [],
  ];
}
