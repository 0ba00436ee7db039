/**
 * Makes foreign text harmless on a terminal.
 *
 * @module
 */

/**
 * Returns `text` on one line. Control characters, line breaks, and characters that hide or reorder
 * text are shown as `\u{1b}` and the like.
 */
export function escapeText(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
