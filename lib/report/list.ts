/**
 * The list of experiments.
 *
 * @module
 */

import { CHECKS } from "../checks.ts";
import { CONFINEMENT_CHECKS } from "../confinement.ts";
import type { Experiment } from "../experiment.ts";

const ID_WIDTH = Math.max(...Object.keys(CHECKS).map((id) => id.length));

/** Each experiment with the question that it answers; verbose, with the checks that answer it. */
export function renderList(experiments: readonly Experiment[], verbose = false): string {
  const width = Math.max(...experiments.map(({ name }) => name.length));
  return experiments.map(({ name, question, decisions, plan, hardenedPlan = [] }) => {
    const heading = `${name.padEnd(width)}  ${question} (${decisions.join(", ")})\n`;
    if (!verbose) return heading;
    const more = [...CONFINEMENT_CHECKS, ...hardenedPlan].filter((id) => !plan.includes(id));
    return [
      heading,
      ...plan.map((id) => `  ${id.padEnd(ID_WIDTH)}  ${CHECKS[id].claim}\n`),
      ...more.length > 0 ? [`  ${"--harden".padEnd(ID_WIDTH)}  ${more.join(", ")}\n`] : [],
    ].join("");
  }).join(verbose ? "\n" : "");
}
