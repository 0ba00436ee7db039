/**
 * Text in lines of limited width.
 *
 * @module
 */

/** The width of a terminal for which the transcript is made, in characters. */
export const WIDTH = 100;

/** Breaks `text` between words into lines of at most `width` characters. */
export function wrap(text: string, width: number): string[] {
  return fill(text.split(" "), width);
}

/** Returns items with commas between them, in lines that are broken between items. */
export function wrapList(items: readonly string[], width: number): string[] {
  return fill(items.map((item, i) => i < items.length - 1 ? `${item},` : item), width);
}

function fill(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}

/**
 * Cuts `text` to at most `width` characters. The last one is then `…`. A foreign text must be cut
 * and not wrapped: wrapped, it could begin a line with whatever it likes.
 */
export function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1).toWellFormed()}…` : text;
}

/** Returns the first `limit` items, and then how many are left out, if any are. */
export function first(items: readonly string[], limit: number): string[] {
  const left = items.length - limit;
  return left > 0 ? [...items.slice(0, limit), `and ${left} more`] : [...items];
}
