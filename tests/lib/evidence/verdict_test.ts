import { assertEquals } from "@std/assert";
import { type CheckId, CHECKS } from "../../../lib/evidence/checks.ts";
import { CONFINEMENT_CHECKS } from "../../../lib/evidence/checks.ts";
import { type CheckResult, leftOut, skipped } from "../../../lib/evidence/evidence.ts";
import { Judgement } from "../../../lib/evidence/judgement.ts";
import { overall, verdictOf, verdictOfEarlyEnd } from "../../../lib/evidence/verdict.ts";
import { EXPERIMENTS } from "../../../lib/experiments/mod.ts";

const result = (id: CheckId, status: CheckResult["status"]): CheckResult => ({
  ...CHECKS[id],
  id,
  status,
  observed: "",
  evidence: {},
  seen_by: ["parent"],
});

const left = (id: CheckId): CheckResult => ({ ...result(id, "skip"), ...leftOut("") });

Deno.test("verdictOf() is PASS only if a check holds, and each other holds or was left out", () => {
  const cases: [checks: CheckResult[], verdict: string][] = [
    [[result("DROP-01", "pass"), result("RECV-01", "pass")], "PASS"],
    [[left("RELAY-06"), result("RELAY-05", "pass")], "PASS"],
    [[left("RELAY-06"), result("RELAY-05", "skip")], "INCONCLUSIVE"],
    [[left("RELAY-06"), result("RELAY-05", "fail")], "FAIL"],
    [[left("RELAY-06"), left("RELAY-05")], "INCONCLUSIVE"],
    [[{ ...left("RELAY-06"), ...result("RELAY-06", "fail") }], "FAIL"],
    [[result("RECV-02", "skip"), result("RECV-01", "pass")], "INCONCLUSIVE"],
    [[result("DROP-01", "pass"), result("RECV-01", "skip")], "INCONCLUSIVE"],
    [[result("DROP-01", "fail"), result("RECV-01", "skip")], "FAIL"],
    [[result("DROP-01", "fail"), result("RECV-01", "pass")], "FAIL"],
    [[result("DROP-01", "skip"), result("DROP-02", "skip")], "INCONCLUSIVE"],
    [[result("DROP-01", "skip"), result("DROP-02", "pass")], "INCONCLUSIVE"],
    [[result("PATH-01", "skip"), result("PATH-02", "pass")], "INCONCLUSIVE"],
    [[], "INCONCLUSIVE"],
  ];
  for (const [checks, verdict] of cases) assertEquals(verdictOf(checks), verdict);
});

Deno.test("overall() ranks FAIL above INCONCLUSIVE, and INCONCLUSIVE above PASS", () => {
  assertEquals(overall(["PASS", "PASS"]), "PASS");
  assertEquals(overall(["PASS", "INCONCLUSIVE"]), "INCONCLUSIVE");
  assertEquals(overall(["INCONCLUSIVE", "FAIL", "PASS"]), "FAIL");
  assertEquals(overall([]), "INCONCLUSIVE");
});

Deno.test("No experiment is a PASS with a check that could not be judged", () => {
  for (const { name, plan } of EXPERIMENTS) {
    const ids = [...new Set([...plan, ...CONFINEMENT_CHECKS])];
    for (const open of ids) {
      const checks = ids.map((id) => result(id, id === open ? "skip" : "pass"));
      assertEquals(verdictOf(checks), "INCONCLUSIVE", `${name}, ${open}`);
    }
  }
});

Deno.test("A check that was left out and that one look could not judge is not left out", () => {
  const judgement = new Judgement(false);
  judgement.decide(leftOut("an option"), ["parent"]);
  assertEquals(judgement.result(null).left_out, true);
  judgement.decide(skipped("no traffic"), ["parent"]);
  const { status, left_out } = judgement.result(null);
  assertEquals([status, left_out], ["skip", undefined]);
});

Deno.test("No child leaves a check out", () => {
  const judgement = new Judgement(true);
  assertEquals(judgement.addOpinion(leftOut("the child's word")), false);
  assertEquals(judgement.result(null).status, "fail");
});

Deno.test("An early end is not a PASS, whatever was left out", () => {
  const checks = [left("PATH-01"), result("PATH-02", "pass")];
  const ends = [true, false].map((isChilds) => ({ message: "", isChilds }));
  const verdicts = ends.map((end) => verdictOfEarlyEnd(checks, end));
  assertEquals(verdicts, ["FAIL", "INCONCLUSIVE"]);
});
