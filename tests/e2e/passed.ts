/**
 * Runs that are expected to PASS.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { ExperimentEvidence } from "../../lib/evidence/evidence.ts";
import { evidenceIn, fdpass, type Outcome } from "../support/programs.ts";

const PATIENT = { timeout: 120_000 };

/** Runs an experiment, and asserts PASS. Returns its evidence. */
export async function passed(name: string, ...args: string[]): Promise<ExperimentEvidence> {
  return passedIn(
    await fdpass(["--json", "-t", "60", "-e", name, ...args, "veth-fdpass"], PATIENT),
  );
}

/** The only experiment of a run, which must be PASS. */
export function passedIn(outcome: Outcome): ExperimentEvidence {
  const evidence = evidenceIn(outcome);
  const [experiment] = evidence.experiments;
  const failed = experiment.checks.filter(({ status }) => status === "fail");
  assertEquals([experiment.error, failed], [null, []]);
  assertEquals([outcome.code, outcome.stderr, evidence.verdict], [0, "", "PASS"]);
  return experiment;
}
