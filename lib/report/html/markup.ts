/**
 * HTML that cannot be broken by what stands in it: every value of a template is escaped, unless it is markup itself.
 *
 * @module
 */

import { escapeText } from "../../evidence/escape.ts";

/** A piece of HTML, or of SVG in it. */
export class Markup {
  constructor(readonly text: string) {}
}

/** What may stand in a template. */
export type Value = string | number | Markup | readonly Markup[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** `text` as it stands in an element or in a quoted attribute, on one line, with nothing in it that does not show. */
function escaped(text: string): string {
  return escapeText(text.toWellFormed()).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

function inserted(value: Value): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === "string") return escaped(value);
  return typeof value === "number" ? String(value) : value.map(({ text }) => text).join("");
}

/** A template whose values are escaped. Attributes in it are in double quotes. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(strings.reduce((text, part, i) => text + inserted(values[i - 1]) + part));
}

/** Several lines, each escaped by itself: for `pre`. */
export function lines(text: string): Markup {
  return new Markup(text.split("\n").map(escaped).join("\n"));
}

/** Nothing. */
export const NOTHING = new Markup("");
