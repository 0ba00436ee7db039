/**
 * Making foreign text harmless on a terminal.
 *
 * @module
 */

/** `text` on one line, with control characters, escapes and what reorders or hides text shown as `\u{1b}` and the like. */
export function escapeText(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
