/**
 * The verdict of a run. It follows from the checks alone.
 *
 * @module
 */

import { type CheckResult, isOpen, type Verdict } from "./evidence.ts";
import type { EarlyEnd } from "./judgement.ts";

/**
 * Returns the verdict over the whole plan of an experiment.
 *
 * A failed check makes it FAIL. It is INCONCLUSIVE if a check could not be judged, or if all were
 * left out.
 */
export function verdictOf(checks: readonly CheckResult[]): Verdict {
  if (checks.some(({ status }) => status === "fail")) return "FAIL";
  const holds = checks.some(({ status }) => status === "pass");
  return holds && !checks.some(isOpen) ? "PASS" : "INCONCLUSIVE";
}

/**
 * Returns the verdict of an experiment that ended early. It is never PASS, even if every check was
 * decided before: the child that ended it has failed, and its surroundings leave it open.
 */
export function verdictOfEarlyEnd(checks: readonly CheckResult[], end: EarlyEnd): Verdict {
  const found = verdictOf(checks);
  if (found !== "PASS") return found;
  return end.isChilds ? "FAIL" : "INCONCLUSIVE";
}

/** Returns the verdict over several experiments: FAIL if any failed, PASS if all passed. */
export function overall(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes("FAIL")) return "FAIL";
  return verdicts.length > 0 && verdicts.every((verdict) => verdict === "PASS")
    ? "PASS"
    : "INCONCLUSIVE";
}
