/**
 * Runs `inspect` as a user would, and reads its evidence.
 *
 * @module
 */

import type { CheckResult, ExperimentEvidence } from "../../lib/evidence/evidence.ts";
import { renderText } from "../../lib/report/text.ts";
import { evidenceIn, type Outcome } from "../support/programs.ts";
import { here } from "./here.ts";

/** The result of an inspection of one process. */
export interface Inspected {
  readonly outcome: Outcome;
  readonly evidence: ExperimentEvidence;
  check(id: string): CheckResult;
  /** The checks that do not hold, as `ID status`. */
  readonly wrong: readonly string[];
  /** The report for readers, each check on one line. */
  readonly text: string;
}

/** Inspects a process, and reads the evidence. */
export async function inspect(pid: number, ...options: string[]): Promise<Inspected> {
  const outcome = await here(["inspect", "--json", ...options, String(pid)]);
  const run = evidenceIn(outcome);
  const { experiments: [evidence] } = run;
  const { checks } = evidence;
  return {
    outcome,
    evidence,
    check: (id) => checks.find((each) => each.id === id)!,
    wrong: checks.filter(({ status }) => status !== "pass").map(({ id, status, left_out }) =>
      `${id} ${left_out ? "left out" : status}`
    ),
    text: renderText(run, { color: false, amount: "normal" }).replaceAll(/\n +… /g, " "),
  };
}

/** Asks, and expects confinement. */
export const CONFINED = ["--ask", "--expect", "confined"];
