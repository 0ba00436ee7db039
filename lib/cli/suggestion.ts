/**
 * Suggests the right word for a wrong one.
 *
 * @module
 */

import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** The most letters that are wrong, missing or too many in a slip of the keyboard. */
const SLIPS = 2;

/**
 * Returns the known word that is meant by a wrong one: the closest of those that begin with it, or
 * that differ from it by two letters, and by no more than half of its own.
 *
 * @returns `undefined` if none is close.
 */
export function suggestion(word: string, known: readonly string[]): string | undefined {
  const wrong = bare(word);
  const most = Math.min(SLIPS, Math.floor(wrong.length / 2));
  const distance = (each: string) => levenshteinDistance(wrong, bare(each));
  const isClose = (each: string) =>
    distance(each) <= most || wrong.length > 1 && bare(each).startsWith(wrong);
  return known.filter(isClose).sort((a, b) => distance(a) - distance(b))[0];
}

/** The word in lower case, without the dashes of an option, which every option has. */
function bare(word: string): string {
  return word.replace(/^-+/, "").toLowerCase();
}

/** Returns the end of a message about a wrong word: a guess, or where to find the right ones. */
export function didYouMean(word: string, known: readonly string[], list: string): string {
  const guess = suggestion(word, known);
  return guess === undefined ? list : `did you mean ${guess}? ${list}`;
}
