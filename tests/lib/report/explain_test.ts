import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type CheckId, CHECKS } from "../../../lib/evidence/checks.ts";
import { EXPLANATIONS } from "../../../lib/evidence/explanations.ts";
import { EXPERIMENTS } from "../../../lib/experiments/mod.ts";
import { judgedBy, renderExplanation } from "../../../lib/report/explain.ts";
import { renderList } from "../../../lib/report/list.ts";

const IDS = Object.keys(CHECKS) as CheckId[];

Deno.test("Every check is judged by an experiment", () => {
  assertEquals(IDS.filter((id) => judgedBy(id, EXPERIMENTS).length === 0), []);
  assertEquals(judgedBy("DENY-01", EXPERIMENTS), ["privilege-drop"]);
  assertEquals(judgedBy("URING-14", EXPERIMENTS), ["io-uring --harden"]);
  assert(judgedBy("HARD-01", EXPERIMENTS).includes("authority"));
  assert(judgedBy("HARD-01", EXPERIMENTS).includes("privilege-drop --harden"));
  assertEquals(judgedBy("HARD-01", EXPERIMENTS).includes("supervisor --harden"), false);
});

Deno.test("renderExplanation() has everything about a check, in lines of 100 columns", () => {
  for (const id of IDS) {
    const text = renderExplanation(id, EXPERIMENTS);
    const flat = text.replaceAll(/\s+/g, " ");
    const { claim, expected, source } = CHECKS[id];
    const { why, refutedBy } = EXPLANATIONS[id];
    for (const part of [id, claim, expected, why, refutedBy]) assertStringIncludes(flat, part, id);
    for (const part of source.split("; ").filter((each) => !/^D\d+/.test(each))) {
      assertStringIncludes(flat, part, id);
    }
    for (const row of ["Expected", "Why", "Refuted by", "Seen by", "Source", "Part of"]) {
      assertEquals(text.match(new RegExp(`^  ${row} +\\S`, "gm"))?.length, 1, `${id}: ${row}`);
    }
    const long = text.split("\n").slice(1).filter((line) => line.length > 100);
    assertEquals(long, []);
  }
});

Deno.test("renderList() names no check", () => {
  assertEquals(/[A-Z]+-\d\d/.test(renderList(EXPERIMENTS)), false);
});

Deno.test("renderList() explains every check once under --verbose", () => {
  const verbose = renderList(EXPERIMENTS, true);
  for (const id of IDS) {
    assertEquals(verbose.split(renderExplanation(id, EXPERIMENTS)).length, 2, id);
  }
});

Deno.test("renderList() lists the checks of each experiment under --verbose, also with --harden", () => {
  const parts = renderList(EXPERIMENTS, true).split("\n\n\n");
  assertEquals(parts.length, EXPERIMENTS.length);
  for (const [i, { name }] of EXPERIMENTS.entries()) {
    const [plain, hardened = ""] = parts[i].split("With --harden, also:\n");
    assert(plain.startsWith(`${name} `));
    for (const [asked, text] of [[name, plain], [`${name} --harden`, hardened]]) {
      const judged = IDS.filter((id) => judgedBy(id, EXPERIMENTS).includes(asked));
      const named = [...text.matchAll(/^([A-Z]+-\d\d) {2}(.*?)(?: \(above\))?$/gm)];
      assertEquals(
        named.map(([, id, claim]) => [id, claim]),
        judged.map((id) => [
          id,
          CHECKS[id].claim,
        ]),
      );
    }
  }
});
