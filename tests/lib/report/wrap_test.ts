import { assert, assertEquals } from "@std/assert";
import { cut, first, wrap, wrapList } from "../../../lib/report/wrap.ts";

Deno.test("wrap() breaks between words, and loses none", () => {
  const text = "no line is longer than this, and a_word_that_is_longer_than_the_line stands alone";
  for (let width = 1; width < 100; width++) {
    const lines = wrap(text, width);
    assertEquals(lines.join(" "), text);
    assert(lines.every((line) => line.length <= width || !line.includes(" ")), `${width}`);
  }
});

Deno.test("wrap() keeps spaces within a line", () => {
  assertEquals(wrap("(000) ldh      [12]", 100), ["(000) ldh      [12]"]);
});

Deno.test("wrapList() breaks between items", () => {
  assertEquals(wrapList(["send (fd 3)", "bind (fd 4)", "mark"], 20), [
    "send (fd 3),",
    "bind (fd 4), mark",
  ]);
  assertEquals(wrapList([], 20), []);
});

Deno.test("cut() keeps a text that fits, and marks one that does not", () => {
  assertEquals(cut("four", 4), "four");
  assertEquals(cut("fives", 4), "fiv…");
  assertEquals(cut("a\u{1f600}b", 3), "a\ufffd…", "no half a character");
});

Deno.test("first() counts what it leaves out", () => {
  assertEquals(first(["a", "b"], 2), ["a", "b"]);
  assertEquals(first(["a", "b", "c", "d"], 2), ["a", "b", "and 2 more"]);
});
