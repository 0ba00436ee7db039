/**
 * Lists of sentences about an inspected process, cut: it may make them as long as it likes.
 *
 * @module
 */

/** The most lines of one kind that a list has. */
const LIMIT = 64;

/** Cuts a list of any length: the last line says how many were left out. */
export function listed(lines: readonly string[]): string[] {
  if (lines.length <= LIMIT) return [...lines];
  return [...lines.slice(0, LIMIT), `${lines.length - LIMIT} more like these`];
}
