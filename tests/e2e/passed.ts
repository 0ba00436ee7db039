/**
 * Runs of which nothing but PASS is expected.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { ExperimentEvidence } from "../../lib/evidence.ts";
import { evidenceIn, fdpass } from "../support/programs.ts";

const PATIENT = { timeout: 120_000 };

/** The one experiment of a run that is PASS. */
export async function passed(name: string, ...args: string[]): Promise<ExperimentEvidence> {
  const outcome = await fdpass(
    ["--json", "-t", "60", "-e", name, ...args, "veth-fdpass"],
    PATIENT,
  );
  const evidence = evidenceIn(outcome);
  const [experiment] = evidence.experiments;
  const failed = experiment.checks.filter(({ status }) => status === "fail");
  assertEquals([experiment.error, failed], [null, []]);
  assertEquals([outcome.code, outcome.stderr, evidence.verdict], [0, "", "PASS"]);
  return experiment;
}
