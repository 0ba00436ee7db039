/**
 * The machine's view: the evidence as it is.
 *
 * @module
 */

import type { Evidence } from "../evidence/evidence.ts";

/**
 * The evidence as one JSON object, with a newline at its end. Somebody may read it on a terminal: what a terminal would act on is written as
 * `\u009b` and the like, which JSON takes for the same.
 */
export function renderJson(evidence: Evidence): string {
  const text = JSON.stringify(evidence, null, 2);
  return text.replace(/[\x7f-\x9f\u2028\u2029]|\p{Cf}/gu, escaped) + "\n";
}

/** One character, which may be two code units. */
function escaped(character: string): string {
  return character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
