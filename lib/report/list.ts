/**
 * The list of experiments, for `--list`.
 *
 * @module
 */

import { type CheckId, CHECKS } from "../evidence/checks.ts";
import type { ExperimentDescription } from "../evidence/description.ts";
import { judgedBy, renderExplanation } from "./explain.ts";

const IDS = Object.keys(CHECKS) as CheckId[];

/**
 * Returns a line for each experiment: its name, its question and the design decisions. If
 * `verbose`, the explanations of its checks follow.
 */
export function renderList(
  experiments: readonly ExperimentDescription[],
  verbose = false,
): string {
  const width = Math.max(...experiments.map(({ name }) => name.length));
  return experiments.map(({ name, question, decisions }) => {
    const heading = `${name.padEnd(width)}  ${question} (${decisions.join(", ")})\n`;
    if (!verbose) return heading;
    const hardened = renderChecks(`${name} --harden`, experiments);
    return [
      heading,
      ...renderChecks(name, experiments),
      ...hardened.length > 0 ? ["With --harden, also:\n", ...hardened] : [],
    ].join("\n");
  }).join(verbose ? "\n\n" : "");
}

/**
 * Returns the explanations of an experiment's checks. Checks that were explained under an earlier
 * experiment follow together, with their claims alone.
 */
function renderChecks(asked: string, experiments: readonly ExperimentDescription[]): string[] {
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
