/**
 * The stored evidence: three experiments that passed, one that was cut off, and one without
 * traffic. It was put together from real runs.
 *
 * @module
 */

import type { Evidence } from "../../lib/evidence/evidence.ts";

const FILE = new URL("../lib/report/stored/run.json", import.meta.url);

/** Reads the stored evidence. Each caller gets its own copy. */
export function storedEvidence(): Evidence {
  return JSON.parse(Deno.readTextFileSync(FILE));
}

/**
 * A text that must never be printed unescaped: markup, control sequences, TAP directives,
 * characters that reorder text, half a character.
 */
export const HOSTILE =
  `</script><script>alert(1)</script>"'><img src=x onerror=alert(2)>&lt;\x1b[2J\r\nnot ok 99 # TODO\nBail out!\u202e\u{e0001}\ud800 ]]>`;

/** The properties whose values the schema fixes. */
const FIXED = [
  ...["schema", "arch", "started", "verdict", "name", "decisions", "id", "status", "side"],
  ...["seen_by", "kind", "layer"],
  ...["from", "stamped_by", "timestamp_ns", "head", "columns", "operation"],
];

/** Returns the evidence with `text` appended to every string that the schema leaves open. */
export function spoilt(evidence: Evidence, text = HOSTILE): Evidence {
  const spoil = (value: unknown, key: string): unknown => {
    if (FIXED.includes(key)) return value;
    if (typeof value === "string") return key === "checks" ? value : value + text;
    if (Array.isArray(value)) return value.map((each) => spoil(each, key));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name, spoil(each, name)]),
    );
  };
  return spoil(evidence, "") as Evidence;
}
