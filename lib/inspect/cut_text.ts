/**
 * Text of an inspected process, cut: it may be as long as the kernel permits.
 *
 * @module
 */

import { TEXT_LIMIT } from "../evidence/inspected.ts";

/** Returns the text, or its beginning and `…` if it is longer than {@linkcode TEXT_LIMIT}. */
export function cutText(text: string): string {
  if (text.length <= TEXT_LIMIT) return text;
  // A character outside the basic plane has two halves; half a one is no text.
  return `${text.slice(0, TEXT_LIMIT - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}
