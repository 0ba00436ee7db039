/**
 * The closing words of an inspection whose every check holds.
 *
 * @module
 */

import type { Conclusion, Finding } from "../../evidence/evidence.ts";
import type { Subject } from "../../inspect/subject.ts";
import type { InspectionCheckId } from "./description.ts";
import type { Terms } from "./options.ts";

/** Returns the conclusion about a process. */
export function concludeInspection(
  { daemon: { pid, shown }, asked }: Pick<Subject, "daemon" | "asked">,
  findings: ReadonlyMap<InspectionCheckId, Finding>,
  { expect }: Pick<Terms, "expect">,
): Conclusion {
  const leftOut = [...findings.values()].filter(({ left_out }) => left_out);
  return {
    headline: expect === "confined"
      ? `process ${pid} (${shown.name}) can only receive`
      : `process ${pid} (${shown.name}) has lost its privileges`,
    points: [
      "No uid 0, no capability and no further group on any thread",
      "No new packet socket, and no way back to root by its credentials",
      ...expect === "confined" ? ["No operation with its packet sockets but receiving"] : [],
      ...leftOut.map(({ observed }) => `But ${observed}`),
      ...asked === undefined ? [ONLY_ASKING_TELLS] : [],
    ],
    decision: expect === "confined"
      ? "D24 (Privilege Separation) holds for this process, and it is confined"
      : "D24 (Privilege Separation) holds for this process",
  };
}

const ONLY_ASKING_TELLS =
  "But only --ask tells whether an io_uring that shows nowhere keeps root's credentials";
