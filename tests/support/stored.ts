/**
 * Stored evidence, for tests of the views.
 *
 * @module
 */

import type { Evidence } from "../../lib/evidence/evidence.ts";

const read = (name: string): Evidence =>
  JSON.parse(Deno.readTextFileSync(new URL(`../lib/report/stored/${name}.json`, import.meta.url)));

/**
 * Reads the evidence of a run: three experiments that passed, one that was cut off, and one without
 * traffic. It was put together from real runs. Each caller gets its own copy.
 */
export function storedEvidence(): Evidence {
  return read("run");
}

/**
 * Reads the evidence of an inspection: tcpdump, which has no privilege left; a worker with a thread
 * that kept a capability; and a process that does not exist. It was put together from real runs;
 * the known holes were added by hand. Each caller gets its own copy.
 */
export function storedInspection(): Evidence {
  return read("inspection");
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
  ...["seen_by", "kind", "layer", "wall"],
  ...["from", "stamped_by", "timestamp_ns", "head", "columns", "operation"],
];

/** Those of an inspected process. It chooses its name itself. */
const FIXED_OF_PROCESS = ["capabilities", "access", "type", "rings", "cve", "status", "operations"];

/** Returns the evidence with `text` appended to every string that the schema leaves open. */
export function spoilt(evidence: Evidence, text = HOSTILE): Evidence {
  const spoil = (value: unknown, key: string, fixed: readonly string[]): unknown => {
    if (fixed.includes(key)) return value;
    if (typeof value === "string") return key === "checks" ? value : value + text;
    if (Array.isArray(value)) return value.map((each) => spoil(each, key, fixed));
    if (typeof value !== "object" || value === null) return value;
    const within = key === "process" ? FIXED_OF_PROCESS : fixed;
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name, spoil(each, name, within)]),
    );
  };
  return spoil(evidence, "", FIXED) as Evidence;
}
