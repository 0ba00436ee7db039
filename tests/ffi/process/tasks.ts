/**
 * The threads of this process, as /proc has them.
 *
 * @module
 */

import { sleep } from "../../../ffi/mod.ts";

/** How often is looked, a millisecond after the last time. */
const TRIES = 10_000;

/** Their ids. */
export function threads(): Set<string> {
  return new Set([...Deno.readDirSync("/proc/self/task")].map(({ name }) => name));
}

/**
 * Waits until threads have ended: one that was joined is in /proc for a moment longer.
 *
 * @param those Ours, and any that the runtime has started meanwhile.
 * @param ours How many of them are ours; all of them if nothing is given.
 * @returns How many have ended.
 */
export function ended(those: ReadonlySet<string>, ours = those.size): number {
  let left = [...those];
  for (let i = 0; i < TRIES && those.size - left.length < ours; i++) {
    if (i > 0) sleep(1);
    const now = threads();
    left = left.filter((thread) => now.has(thread));
  }
  return those.size - left.length;
}
