/**
 * The description of an inspection: its question, and the checks of each expectation.
 *
 * @module
 */

import type { CheckId } from "../../evidence/checks.ts";
import type { ExperimentDescription } from "../../evidence/description.ts";
import { INSPECTION } from "../../evidence/evidence.ts";
import type { Expectation } from "./options.ts";

/** The checks of a process that has dropped its privileges. */
const DROPPED_PLAN = [
  "INSP-01",
  "INSP-02",
  "INSP-03",
  "INSP-04",
  "INSP-05",
  "INSP-06",
  "INSP-07",
] as const satisfies readonly CheckId[];

/** The checks that a receive-only process must meet in addition. */
const CONFINED_PLAN = ["INSP-08", "INSP-09", "INSP-10"] as const satisfies readonly CheckId[];

/** A check of an inspection. */
export type InspectionCheckId = typeof DROPPED_PLAN[number] | typeof CONFINED_PLAN[number];

const COMMON = { name: INSPECTION, decisions: ["D24"] } as const;

/** An inspection, before it runs. */
export interface Inspection extends ExperimentDescription {
  readonly plan: readonly InspectionCheckId[];
}

/** The inspection under each expectation. The title of each process follows. */
export const INSPECTIONS: Readonly<Record<Expectation, Inspection>> = {
  dropped: {
    ...COMMON,
    title: "Inspection",
    question: "Has the running process lost every privilege?",
    plan: DROPPED_PLAN,
  },
  confined: {
    ...COMMON,
    title: "Inspection",
    question: "Can the running process do nothing with its packet sockets but receive?",
    plan: [...DROPPED_PLAN, ...CONFINED_PLAN],
  },
};

/** The command lines that judge the checks, for the explanations. */
export const INSPECT_COMMANDS: readonly ExperimentDescription[] = [
  INSPECTIONS.dropped,
  { ...INSPECTIONS.confined, name: `${INSPECTION} --ask --expect confined`, plan: CONFINED_PLAN },
];
