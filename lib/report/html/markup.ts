/**
 * Templates for HTML. Every value in a template is escaped, unless it is markup itself.
 *
 * @module
 */

import { escapeText } from "../../evidence/escape.ts";

/** A piece of HTML or SVG. */
export class Markup {
  constructor(readonly text: string) {}
}

/** A value in a template. */
export type Value = string | number | Markup | readonly Markup[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Escapes text for an element or a quoted attribute: on one line, without hidden characters. */
function escaped(text: string): string {
  return escapeText(text.toWellFormed()).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

function inserted(value: Value): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === "string") return escaped(value);
  return typeof value === "number" ? String(value) : value.map(({ text }) => text).join("");
}

/** Makes markup of a template, and escapes its values. Attributes must be in double quotes. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(strings.reduce((text, part, i) => text + inserted(values[i - 1]) + part));
}

/** Escapes a text of several lines, for `pre`. */
export function lines(text: string): Markup {
  return new Markup(text.split("\n").map(escaped).join("\n"));
}

/** No markup. */
export const NOTHING = new Markup("");
