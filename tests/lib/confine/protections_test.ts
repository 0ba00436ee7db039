import { assertEquals, assertMatch } from "@std/assert";
import { ALL_PROTECTIONS, type Protection, PROTECTIONS } from "../../../lib/confine/protections.ts";
import { ROOT } from "../../support/programs.ts";

Deno.test("PROTECTIONS are in the order in which the file header describes them", () => {
  const text = Deno.readTextFileSync(`${ROOT}/lib/confine/protections.ts`);
  const theory = text.slice(0, text.indexOf("@module"));
  const places = ALL_PROTECTIONS.map((name) => theory.indexOf(`\`${name}\``));
  assertEquals(places.filter((place) => place < 0), []);
  assertEquals(places, places.toSorted((one, other) => one - other));
  assertEquals(ALL_PROTECTIONS, Object.keys(PROTECTIONS) as Protection[]);
  assertEquals(ALL_PROTECTIONS.at(-1), "receive-only"); // it would forbid the others
});

Deno.test("Each of PROTECTIONS says what it takes away", () => {
  for (const words of Object.values(PROTECTIONS)) assertMatch(words, /\w+ \w+/);
});
