/**
 * The list of experiments.
 *
 * @module
 */

import type { Experiment } from "../experiment.ts";

/** Each experiment with the question that it answers. */
export function renderList(experiments: readonly Experiment[]): string {
  const width = Math.max(...experiments.map(({ name }) => name.length));
  return experiments
    .map(({ name, question, decisions }) =>
      `${name.padEnd(width)}  ${question} (${decisions.join(", ")})\n`
    )
    .join("");
}
