/**
 * Random reports: at each moment a child reports findings that a seed decides, for any check, in
 * any order and number.
 *
 * @module
 */

import { type Finding, judged, skipped } from "../../lib/evidence/evidence.ts";
import type { Reports } from "./behaviour.ts";

/** The most reports at one moment. */
const AT_ONCE = 12;

const OPINIONS: readonly Finding[] = [
  judged(true, "trust me"),
  judged(true, "it holds"),
  skipped("not here"),
];

/**
 * Reports by a seed: the same seed gives the same reports. None is a fail, because a child would
 * refute itself by that.
 */
export function randomReports(seed: number): Reports {
  let state = seed >>> 0;
  const below = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * limit);
  };
  return (run, _moment, checks) => {
    for (let left = below(AT_ONCE); left > 0; left--) {
      const id = checks[below(checks.length)];
      if (below(4) === 0) run.note("All is well", id);
      else run.check(id, OPINIONS[below(OPINIONS.length)]);
    }
  };
}
