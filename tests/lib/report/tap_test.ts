import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Evidence } from "../../../lib/evidence/evidence.ts";
import { CannotAnswer, UsageError } from "../../../lib/evidence/errors.ts";
import { renderTap } from "../../../lib/report/tap.ts";
import { environment, evidenceOfFailure } from "../../../lib/harness/run.ts";
import { testNeeding } from "../../support/needs.ts";
import { runProgram } from "../../support/programs.ts";
import { spoilt, storedEvidence, storedInspection } from "../../support/stored.ts";

/** The result of a test or a subtest. */
interface Result {
  readonly ok: boolean;
  readonly number: number;
  readonly text: string;
  readonly skip: string | undefined;
}

/**
 * Parses KTAP strictly by its specification. Returns the results of the outer tests and of their
 * subtests.
 */
function readKtap(text: string): { outer: Result[]; inner: Result[][]; bail: string | undefined } {
  const inner: Result[][] = [];
  const outer: Result[] = [];
  const plans: [number, number | undefined] = [0, undefined];
  let bail: string | undefined;
  text.split("\n").slice(0, -1).forEach((line, i) => {
    const depth = line.startsWith("  ") ? 1 : 0;
    const content = line.slice(2 * depth);
    if (i === 0) return assertEquals(content, "KTAP version 1");
    if (content === "KTAP version 1") return void inner.push([]);
    const [, plan] = content.match(/^1\.\.(\d+)( # SKIP .*)?$/) ?? [];
    if (plan !== undefined) return void (plans[depth] = Number(plan));
    if (content.startsWith("# ")) return;
    if (content.startsWith("Bail out! ")) return void (bail = content.slice(10));
    const match = content.match(/^(not )?ok (\d+) - ((?:[^#]|\\#)*?)(?: # SKIP (.*))?$/);
    if (match === null) throw new Error(`Line ${i + 1} is no KTAP: ${JSON.stringify(line)}`);
    const [, not, number, name, skip] = match;
    const results = depth === 0 ? outer : inner.at(-1)!;
    results.push({ ok: not === undefined, number: Number(number), text: name, skip });
    assertEquals(results.length, Number(number), "numbered in order");
    if (depth === 0) assertEquals(inner.at(-1)!.length, plans[1], "the plan of a nested test");
  });
  assertEquals(outer.length, plans[0], "the plan");
  return { outer, inner, bail };
}

function assertAgrees(evidence: Evidence): void {
  const { outer, inner } = readKtap(renderTap(evidence));
  assertEquals(
    outer.map(({ text }) => text.split(":")[0]),
    evidence.experiments.map(({ name }) => name),
  );
  evidence.experiments.forEach(({ verdict, checks }, i) => {
    const { ok, skip } = outer[i];
    assertEquals([ok, skip !== undefined], [verdict !== "FAIL", verdict === "INCONCLUSIVE"]);
    assertEquals(
      inner[i].map(({ ok, skip, text }) => [
        text.slice(0, text.indexOf(" ")),
        ok ? skip === undefined ? "pass" : "skip" : "fail",
      ]),
      checks.map(({ id, status }) => [id, status]),
    );
  });
}

Deno.test("renderTap() is valid KTAP, and agrees with the evidence", () => {
  assertAgrees(storedEvidence());
  assertAgrees(storedInspection());
});

Deno.test("renderTap() is valid KTAP for hostile evidence", () => {
  for (const evidence of [spoilt(storedEvidence()), spoilt(storedInspection())]) {
    assertAgrees(evidence);
    assertEquals(/[\p{Cc}\p{Cf}]/u.test(renderTap(evidence).replaceAll("\n", "")), false);
  }
});

Deno.test("renderTap() prints expectation, source and evidence before a failed result", () => {
  const lines = renderTap(storedEvidence()).split("\n");
  const at = lines.findIndex((line) => line.startsWith("  not ok "));
  const before = lines.slice(0, at).reverse();
  const diagnostics = before.slice(0, before.findIndex((line) => !line.startsWith("  # ")));
  for (const word of ["observed", "expected", "source", "evidence"]) {
    assertStringIncludes(diagnostics.join("\n"), `${word}: `);
  }
});

Deno.test("renderTap() of an unanswered question is one skip with the remedy", () => {
  const error = new CannotAnswer("Not root\nok 1", "use sudo");
  const text = renderTap(evidenceOfFailure(environment("lo", "nobody"), error));
  assertMatch(text, /^1\.\.0 # SKIP Not root\\u\{a\}ok 1; use sudo\n$/m);
  assertEquals(readKtap(text).outer, []);
});

Deno.test("renderTap() of an error bails out after the results so far", () => {
  const { experiments } = storedEvidence();
  for (const error of [new UsageError("wrong"), new TypeError("a defect")]) {
    for (const before of [[], experiments]) {
      const text = renderTap(evidenceOfFailure(environment("lo", "nobody"), error, before));
      const { outer, bail } = readKtap(text);
      assertEquals(outer.length, before.length);
      assertStringIncludes(bail ?? "", error.message);
    }
  }
});

const prove = { programs: { prove: "perl" } };

/** Runs perl's TAP::Harness on a report. */
async function proven(evidence: Evidence): Promise<[code: number, output: string]> {
  const file = await Deno.makeTempFile({ suffix: ".tap" });
  try {
    await Deno.writeTextFile(file, renderTap(evidence));
    const { code, stdout, stderr } = await runProgram("prove", ["-e", "cat", file]);
    return [code, stdout + stderr];
  } finally {
    await Deno.remove(file);
  }
}

testNeeding(prove, "prove reads a PASS as a pass, and a FAIL as a failure", async () => {
  const stored = storedEvidence();
  const passed = stored.experiments.filter(({ verdict }) => verdict === "PASS");
  const [good, goodOutput] = await proven({ ...stored, experiments: passed });
  assertMatch(goodOutput, /Tests=3[^]*Result: PASS/);
  const [bad, badOutput] = await proven(stored);
  assertMatch(badOutput, /Failed test: +4\b|Failed 1\/5 subtests/);
  assertEquals([good, bad], [0, 1]);
});

testNeeding(prove, "prove reads a hostile report correctly", async () => {
  const stored = spoilt(storedEvidence());
  const passed = stored.experiments.filter(({ verdict }) => verdict === "PASS");
  assertMatch((await proven({ ...stored, experiments: passed }))[1], /Tests=3[^]*Result: PASS/);
});

testNeeding(prove, "prove reads a bail-out as a failure, and a skip as a skip", async () => {
  const where = environment("lo", "nobody");
  const [bailed, output] = await proven(evidenceOfFailure(where, new UsageError("wrong")));
  assertStringIncludes(output, "Bailout called");
  assertEquals(bailed !== 0, true);
  const [, skipped] = await proven(evidenceOfFailure(where, new CannotAnswer("Not root", "sudo")));
  assertStringIncludes(skipped, "skipped: Not root; sudo");
});
