/**
 * The machine's view: the evidence as it is.
 *
 * @module
 */

import type { Evidence } from "../evidence.ts";

/** The evidence as one JSON object, with a newline at its end. */
export function renderJson(evidence: Evidence): string {
  return JSON.stringify(evidence, null, 2) + "\n";
}
