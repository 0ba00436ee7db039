/**
 * The threads of this process, as /proc has them.
 *
 * @module
 */

import { sleep } from "../../../ffi/mod.ts";

/** The number of attempts, a millisecond apart. */
const TRIES = 10_000;

/** The thread ids. */
export function threads(): Set<string> {
  return new Set([...Deno.readDirSync("/proc/self/task")].map(({ name }) => name));
}

/**
 * Waits until threads have ended; a joined thread stays in /proc for a moment.
 *
 * @param those The threads of the test, and any that the runtime has started meanwhile.
 * @param ours The number of threads of the test; all of them by default.
 * @returns The number that have ended.
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
