import { assertEquals } from "@std/assert";
import { escapeText } from "../../../lib/evidence/escape.ts";

const HOSTILE = "\x1b[2J\r\nroot# \u202e\u{e0001}";

Deno.test("escapeText() escapes control characters, and leaves words unchanged", () => {
  assertEquals(escapeText("✓ Grüße → 5/5"), "✓ Grüße → 5/5");
  assertEquals(escapeText(HOSTILE), "\\u{1b}[2J\\u{d}\\u{a}root# \\u{202e}\\u{e0001}");
});
