import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type CheckId, CHECKS } from "../../../lib/evidence/checks.ts";
import { EXPLANATIONS } from "../../../lib/evidence/explanations.ts";
import { EXPLAINED } from "../../../lib/cli/explained.ts";
import { judgedBy, renderExplanation } from "../../../lib/report/explain.ts";
import { renderList } from "../../../lib/report/list.ts";

const IDS = Object.keys(CHECKS) as CheckId[];

Deno.test("Every check is judged by an experiment or a command", () => {
  assertEquals(IDS.filter((id) => judgedBy(id, EXPLAINED).length === 0), []);
  assertEquals(judgedBy("DENY-01", EXPLAINED), ["privilege-drop"]);
  assertEquals(judgedBy("URING-14", EXPLAINED), ["io-uring --harden"]);
  assert(judgedBy("HARD-01", EXPLAINED).includes("authority"));
  assert(judgedBy("HARD-01", EXPLAINED).includes("privilege-drop --harden"));
  assertEquals(judgedBy("HARD-01", EXPLAINED).includes("supervisor --harden"), false);
  assertEquals(judgedBy("INSP-09", EXPLAINED), ["inspect --ask --expect confined"]);
  assertEquals(judgedBy("INSP-01", EXPLAINED)[0], "inspect");
});

Deno.test("renderExplanation() has everything about a check, in lines of 100 columns", () => {
  for (const id of IDS) {
    const text = renderExplanation(id, EXPLAINED);
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
  assertEquals(/[A-Z]+-\d\d/.test(renderList(EXPLAINED)), false);
});

Deno.test("renderList() explains every check once under --verbose", () => {
  const verbose = renderList(EXPLAINED, true);
  for (const id of IDS) {
    assertEquals(verbose.split(renderExplanation(id, EXPLAINED)).length, 2, id);
  }
});

Deno.test("renderList() lists the checks of each experiment under --verbose, also with --harden", () => {
  const parts = renderList(EXPLAINED, true).split("\n\n\n");
  assertEquals(parts.length, EXPLAINED.length);
  for (const [i, { name }] of EXPLAINED.entries()) {
    const [plain, hardened = ""] = parts[i].split("With --harden, also:\n");
    assert(plain.startsWith(`${name} `));
    for (const [asked, text] of [[name, plain], [`${name} --harden`, hardened]]) {
      const judged = IDS.filter((id) => judgedBy(id, EXPLAINED).includes(asked));
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
