/**
 * Lines of the transcript that keep to its width.
 *
 * @module
 */

import { escapeText } from "../../evidence/escape.ts";
import { cut, WIDTH, wrap } from "../wrap.ts";

/** Returns a foreign text on one line of at most `width` characters. */
export function oneLine(text: string, width: number): string {
  return cut(escapeText(text), width);
}

/**
 * Returns foreign text in lines, the first behind `before`. The others begin with `…`, so that the
 * text cannot begin a line.
 */
export function folded(before: string, text: string): string[] {
  const behind = `${" ".repeat(before.length)}… `;
  return wrap(escapeText(text), WIDTH - behind.length)
    .map((line, i) => cut(`${i === 0 ? before : behind}${line}`, WIDTH));
}

/** Returns our own words in lines, the first behind `before`, the others indented. */
export function paragraph(
  before: string,
  text: string,
  indent = " ".repeat(before.length),
): string[] {
  return wrap(before + escapeText(text), WIDTH - indent.length)
    .map((line, i) => `${i === 0 ? "" : indent}${line}`);
}
