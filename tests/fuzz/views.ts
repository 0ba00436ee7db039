/**
 * Foreign text in the views: whatever a child sends, it cannot act on a terminal or break out of
 * the markup.
 *
 * @module
 */

import fc from "fast-check";
import { escapeText } from "../../lib/evidence/escape.ts";
import { html } from "../../lib/report/html/markup.ts";
import { must, target } from "./target.ts";

const STRANGE = ["\x1b[2J", "\x9b31m", "\x07", "\r\n", "\u202e", "\u2028", "\u{e0001}", "\ud800"]
  .concat(["</script>", '"><img src=x>', "<!--", "&lt;", "]]>", "\0", "\x7f", "\ufeff", "#"]);
const cases = fc.array(
  fc.oneof(fc.constantFrom(...STRANGE), fc.string({ unit: "binary", maxLength: 8 })),
  { maxLength: 6 },
).map((parts) => parts.join(""));

/** Shows a text on a terminal and in the page. */
type Show = (text: string) => { readonly line: string; readonly markup: string };

const show: Show = (text) => ({
  line: escapeText(text),
  markup: html`<td title="${text}">${text}</td>`.text,
});

/** Fuzzes the views with any text. */
export const views = target<string, Show>({
  claim: "Foreign text is harmless on a terminal and in markup",
  cases,
  subject: show,
  wrong: {
    "shows it unescaped": (text) => ({ ...show(text), line: text }),
    "puts it into the page unescaped": (text) => ({
      ...show(text),
      markup: `<td title="${text}">${text}</td>`,
    }),
    "knows ASCII only": (text) => ({
      ...show(text),
      // deno-lint-ignore no-control-regex -- this is the mistake
      line: text.replace(/[\x00-\x1f]/g, "?"),
    }),
  },
  check(show, text) {
    const { line, markup } = show(text);
    for (const each of [line, markup]) {
      must(!/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(each), JSON.stringify(each));
    }
    must(markup.isWellFormed(), "whole characters");
    must((markup.match(/[<>]/g) ?? []).length === 4, `the markup is two tags: ${markup}`);
    must((markup.match(/"/g) ?? []).length === 2, `the attribute is one: ${markup}`);
  },
});
