import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type CheckId, CHECKS } from "../../lib/checks.ts";
import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import { EXPLANATIONS } from "../../lib/explanations.ts";
import { judgedBy, renderExplanation } from "../../lib/report/explain.ts";
import { renderList } from "../../lib/report/list.ts";

const IDS = Object.keys(CHECKS) as CheckId[];

Deno.test("Every check has a reason, and what would refute it, in whole sentences", () => {
  assertEquals(Object.keys(EXPLANATIONS).sort(), [...IDS].sort());
  for (const id of IDS) {
    const { why, refutedBy } = EXPLANATIONS[id];
    assert(why.length > 80, `${id}: ${why}`);
    assert(refutedBy.length > 40, `${id}: ${refutedBy}`);
    for (const text of [why, refutedBy]) assertMatch(text, /^[A-Za-z_][^\n]*[.)]$/, id);
  }
});

Deno.test("No two checks have the same reason", () => {
  assertEquals(new Set(IDS.map((id) => EXPLANATIONS[id].why)).size, IDS.length);
});

Deno.test("Every check is judged by an experiment", () => {
  assertEquals(IDS.filter((id) => judgedBy(id, EXPERIMENTS).length === 0), []);
  assertEquals(judgedBy("DENY-01", EXPERIMENTS), ["privilege-drop"]);
  assertEquals(judgedBy("URING-14", EXPERIMENTS), ["io-uring --harden"]);
  assert(judgedBy("HARD-01", EXPERIMENTS).includes("authority"));
  assert(judgedBy("HARD-01", EXPERIMENTS).includes("privilege-drop --harden"));
});

Deno.test("renderExplanation() says all that is known of a check, in lines that fit", () => {
  for (const id of IDS) {
    const text = renderExplanation(id, EXPERIMENTS);
    const flat = text.replaceAll(/\s+/g, " ");
    const { claim, expected, source } = CHECKS[id];
    const { why, refutedBy } = EXPLANATIONS[id];
    for (const part of [id, claim, expected, why, refutedBy]) assertStringIncludes(flat, part, id);
    for (const part of source.split("; ").filter((each) => !/^D\d+/.test(each))) {
      assertStringIncludes(flat, part, id);
    }
    for (const row of ["Expected", "Why", "Refuted by", "Judged by", "Written in", "Part of"]) {
      assertEquals(text.match(new RegExp(`^  ${row} +\\S`, "gm"))?.length, 1, `${id}: ${row}`);
    }
    const long = text.split("\n").slice(1).filter((line) => line.length > 100);
    assertEquals(long, []);
  }
});

Deno.test("renderList() names every check under --verbose, and none without", () => {
  const verbose = renderList(EXPERIMENTS, true);
  for (const id of IDS) assertStringIncludes(verbose, id);
  assertEquals(/[A-Z]+-\d\d/.test(renderList(EXPERIMENTS)), false);
});
