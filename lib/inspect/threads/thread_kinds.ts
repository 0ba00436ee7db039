/**
 * The threads of a process for the evidence: those that look alike together, and cut.
 *
 * @module
 */

import type { InspectedThreads } from "../../evidence/inspected.ts";
import { threadsInWords } from "./differences.ts";
import { groupAlike, type ThreadCredentials } from "./threads.ts";

/** The most kinds of threads, and supplementary groups of each, that are shown. */
const SHOWN = { kinds: 100, groups: 256 };

/** Returns the kinds of threads, the largest first, and what is left out, in words. */
export function threadKinds(
  threads: readonly ThreadCredentials[],
): { shown: InspectedThreads[]; left: string[] } {
  const kinds = groupAlike(threads, ({ tid: _, ...seen }) => seen)
    .toSorted((a, b) => b.tids.length - a.tids.length);
  const left = kinds.length - SHOWN.kinds;
  const shown = kinds.slice(0, SHOWN.kinds);
  return {
    shown: shown.map(({ tids, seen }) => ({
      tids,
      uids: seen.uids,
      gids: seen.gids,
      groups: seen.groups.slice(0, SHOWN.groups),
      capabilities: seen.capabilities,
      no_new_privs: seen.noNewPrivs,
      seccomp: seen.seccomp,
      filters: seen.filters,
    })),
    left: [
      ...shown.filter(({ seen }) => seen.groups.length > SHOWN.groups).map(({ tids, seen }) =>
        `${threadsInWords(tids)}: ${seen.groups.length - SHOWN.groups} more groups than shown`
      ),
      ...left > 0 ? [`${left} more kinds of threads than shown`] : [],
    ],
  };
}
