/**
 * The threads of a finding, and lists, in words.
 *
 * @module
 */

/** The most ids that a sentence lists. */
const LISTED = 5;

/** Returns which of the threads are meant, such as `thread 4711 of 6`, or `all 6 threads`. */
export function whichThreads(
  some: readonly { readonly tid: number }[],
  all: readonly { readonly tid: number }[],
): string {
  const tids = new Set(some.map(({ tid }) => tid));
  const count = new Set(all.map(({ tid }) => tid)).size;
  if (tids.size === count) return count === 1 ? "its one thread" : `all ${count} threads`;
  if (tids.size === 1) return `thread ${[...tids][0]} of ${count}`;
  const listed = [...tids].slice(0, LISTED).join(", ") + (tids.size > LISTED ? ", …" : "");
  return `${tids.size} of ${count} threads (${listed})`;
}

/** Returns at most a few of some sentences, joined, with the number of the others. */
export const joined = (sentences: readonly string[]): string => few(sentences).join("; ");

/** Returns at most a few of some names, with the number of the others. */
export const named = (names: readonly string[]): string => few(names).join(", ");

function few(items: readonly string[]): string[] {
  const more = items.length - LISTED;
  return [...items.slice(0, LISTED), ...more > 0 ? [`and ${more} more`] : []];
}
