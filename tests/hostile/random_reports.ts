/**
 * Saying anything: at each of its moments a child reports what a number decides, of any check, in any order, any number of times.
 *
 * @module
 */

import { type Finding, judged, skipped } from "../../lib/evidence/evidence.ts";
import type { Words } from "./behaviour.ts";

/** The most that it says at one moment. */
const AT_ONCE = 12;

const OPINIONS: readonly Finding[] = [
  judged(true, "trust me"),
  judged(true, "it holds"),
  skipped("not here"),
];

/** Words by a seed: the same seed, the same words. None of them is a fail, by which a child would refute itself. */
export function anything(seed: number): Words {
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
