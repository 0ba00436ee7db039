/**
 * The evidence as JSON, for machines.
 *
 * @module
 */

import type { Evidence } from "../evidence/evidence.ts";

/**
 * Returns the evidence as one JSON object, with a newline at its end. Characters that a terminal
 * would act on are written as `\u009b` and the like, which means the same in JSON.
 */
export function renderJson(evidence: Evidence): string {
  const text = JSON.stringify(evidence, null, 2);
  return text.replace(/[\x7f-\x9f\u2028\u2029]|\p{Cf}/gu, escaped) + "\n";
}

/** Escapes one character, which may be two code units. */
function escaped(character: string): string {
  return character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
