/**
 * The description of an experiment: everything that is known of it before it runs.
 *
 * @module
 */

import { type CheckId, CONFINEMENT_CHECKS } from "./checks.ts";

/** An experiment, before it runs. */
export interface ExperimentDescription {
  /** The name that `--experiment` takes. */
  readonly name: string;
  /** The heading of its transcript. */
  readonly title: string;
  readonly question: string;
  /** The design decisions that rest on it. */
  readonly decisions: readonly string[];
  /** Every check that it plans. A check that the child leaves open counts as failed. */
  readonly plan: readonly CheckId[];
  /**
   * The checks of the plan that only the child can carry out: its reports of pass and fail count.
   * The views point this out.
   */
  readonly byChildsWord?: readonly CheckId[];
  /** Set if its workers are always hardened; its own plan then has the checks for that. */
  readonly alwaysHardens?: true;
  /** Further checks that it plans if its worker is hardened. */
  readonly hardenedPlan?: readonly CheckId[];
}

/** Returns the checks that `--harden` adds to the plan of an experiment. */
export function checksOfHardening(
  { alwaysHardens, hardenedPlan = [] }: ExperimentDescription,
): readonly CheckId[] {
  return alwaysHardens ? [] : [...CONFINEMENT_CHECKS, ...hardenedPlan];
}
