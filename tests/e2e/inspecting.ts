/**
 * Runs `inspect` as a user would, and reads its evidence or its text.
 *
 * @module
 */

import type { CheckResult, ExperimentEvidence } from "../../lib/evidence/evidence.ts";
import { evidenceIn, type Outcome } from "../support/programs.ts";
import { here } from "./here.ts";

/** The result of an inspection of one process. */
export interface Inspected {
  readonly outcome: Outcome;
  readonly evidence: ExperimentEvidence;
  check(id: string): CheckResult;
  /** The checks that do not hold, as `ID status`. */
  readonly wrong: readonly string[];
}

/** Inspects a process, and reads the evidence. */
export async function inspect(pid: number, ...options: string[]): Promise<Inspected> {
  const outcome = await here(["inspect", "--json", ...options, String(pid)]);
  const { experiments: [evidence] } = evidenceIn(outcome);
  const { checks } = evidence;
  return {
    outcome,
    evidence,
    check: (id) => checks.find((each) => each.id === id)!,
    wrong: checks.filter(({ status }) => status !== "pass").map(({ id, status, left_out }) =>
      `${id} ${left_out ? "left out" : status}`
    ),
  };
}

/** Inspects a process, and returns the text of the report, each check on one line. */
export async function report(pid: number, ...options: string[]): Promise<string> {
  const { stdout } = await here(["inspect", ...options, String(pid)]);
  return stdout.replaceAll(/\n +… /g, " ");
}

/** Asks, and expects confinement. */
export const CONFINED = ["--ask", "--expect", "confined"];
