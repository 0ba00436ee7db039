/** Patterns match places by whole names and paths, and name only functions that exist. */

import { assertEquals } from "@std/assert";
import { ROOT } from "../../support/programs.ts";
import { ANSWERS } from "./judge.ts";
import { framesOf, isAt, ON_ANOTHER_THREAD } from "./places.ts";
import { TOLERATED } from "./tolerated.ts";

const PLACE = "send@ffi/a.ts:1 Object.send@lib/b.ts:2 Object.work [as child]@lib/c.ts:3 " +
  "new Stimulus@lib/d.ts:4 @lib/e.ts:5";

Deno.test("isAt() finds a chain of functions, with their receivers and other names", () => {
  for (
    const pattern of ["send@lib/b.ts", "^send@ffi/a.ts send@lib/b.ts", "work@lib/c.ts", "@lib/c.ts"]
      .concat("new Stimulus@lib/d.ts", "@lib/e.ts", "send@lib/b.ts work@lib/c.ts")
  ) assertEquals(isAt(PLACE, pattern), true, pattern);
});

Deno.test("isAt() rejects parts of names and paths, gaps, and callers in place of the innermost function", () => {
  for (
    const pattern of ["end@lib/b.ts", "send@b.ts", "send@lib/b", "^send@lib/b.ts", "@lib/bb.ts"]
      .concat("send@ffi/a.ts work@lib/c.ts", "Stimulus@lib/d.ts", ON_ANOTHER_THREAD)
  ) assertEquals(isAt(PLACE, pattern), false, pattern);
});

Deno.test("isAt() finds calls on another thread by their empty place", () => {
  assertEquals([isAt("", ON_ANOTHER_THREAD), isAt("", "@lib/b.ts")], [true, false]);
});

Deno.test("Every function in the patterns of tolerated and of answering places exists", () => {
  const patterns = [...TOLERATED, ...ANSWERS].flatMap(({ at = [] }) => at);
  const missing = patterns.flatMap(framesOf).filter(({ name, path }) => {
    const text = Deno.readTextFileSync(`${ROOT}/${path}`);
    return name !== "" && !definition(name).test(text);
  });
  assertEquals(missing, []);
});

/** Matches where a function of a frame is defined: a class, a function, a method or a property. */
function definition(name: string): RegExp {
  if (name.startsWith("new ")) return new RegExp(`\\bclass ${RegExp.escape(name.slice(4))}\\b`);
  const own = RegExp.escape(name.slice(name.lastIndexOf(".") + 1));
  const modifiers = "(?:(?:static|async|get|protected|override) )*";
  return new RegExp(
    `\\bfunction\\*? ${own}\\b|\\bconst ${own} =|^ +${modifiers}\\*?"?${own}"?(?:[<(].*\\{$|: (?:async )?(?:\\(|function\\b|\\w+ =>))`,
    "m",
  );
}
