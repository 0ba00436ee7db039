import { assert, assertEquals, assertMatch } from "@std/assert";
import { type CheckId, CHECKS } from "../../../lib/evidence/checks.ts";
import { EXPLANATIONS } from "../../../lib/evidence/explanations.ts";
import { ROOT } from "../../support/programs.ts";

const IDS = Object.keys(CHECKS) as CheckId[];

Deno.test("Every claim stands alone, and is not repeated by its explanation", () => {
  for (const id of IDS) {
    const { claim } = CHECKS[id];
    assertMatch(claim, /^(?!(It|So|And|That|This|What|Who) )[A-Za-z][^\n]*[^.\s]$/, id);
    for (const text of Object.values(EXPLANATIONS[id]).map(String)) {
      assertEquals(text.includes(claim), false, id);
    }
  }
});

Deno.test("Every explanation consists of whole sentences", () => {
  assertEquals(Object.keys(EXPLANATIONS).sort(), [...IDS].sort());
  for (const id of IDS) {
    const { why, refutedBy } = EXPLANATIONS[id];
    for (const text of [why, refutedBy]) {
      assertMatch(text, /^[A-Za-z_][^\n]*[.)]$/, id);
      assertEquals(/ {2}|\s$/.test(text), false, id);
    }
  }
});

Deno.test("Every file of the project that a check names exists", () => {
  const texts = IDS.flatMap((id) => [
    ...[CHECKS[id].source, CHECKS[id].expected, CHECKS[id].claim],
    ...[EXPLANATIONS[id].why, EXPLANATIONS[id].refutedBy],
  ]);
  const paths = texts.flatMap((text) => text.match(/\b(?:lib|ffi|tests)\/[\w/]+(?:\.ts)?/g) ?? []);
  assert(paths.length > 10, `${paths.length} paths`);
  for (const path of paths) {
    assert(Deno.statSync(`${ROOT}/${path}`).isFile === path.endsWith(".ts"));
  }
});

Deno.test("No two checks have the same reason", () => {
  assertEquals(new Set(IDS.map((id) => EXPLANATIONS[id].why)).size, IDS.length);
});
