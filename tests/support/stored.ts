/**
 * A stored evidence file: three experiments that passed, one that was cut off, one without traffic.
 * Real runs, put together by hand.
 *
 * @module
 */

import type { Evidence } from "../../lib/evidence/evidence.ts";

const FILE = new URL("../lib/report/stored/run.json", import.meta.url);

/** Reads it; each caller has one of its own. */
export function storedEvidence(): Evidence {
  return JSON.parse(Deno.readTextFileSync(FILE));
}

/**
 * What must not reach any reader as it is: markup, escapes, directives, what reorders, half a
 * character.
 */
export const HOSTILE =
  `</script><script>alert(1)</script>"'><img src=x onerror=alert(2)>&lt;\x1b[2J\r\nnot ok 99 # TODO\nBail out!\u202e\u{e0001}\ud800 ]]>`;

/** What a schema fixes the values of: nothing else can stand there. */
const FIXED = [
  ...["schema", "arch", "started", "verdict", "name", "decisions", "id", "status", "side"],
  ...["seen_by", "kind"],
  ...["from", "stamped_by", "timestamp_ns", "head", "columns", "operation"],
];

/** The same evidence with `text` put at the end of every other string in it. */
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
