import { assertEquals } from "@std/assert";
import { type CheckId, CHECKS, describeCheck } from "../../../lib/evidence/checks.ts";
import { CONFINEMENT_CHECKS } from "../../../lib/evidence/checks.ts";
import { type CheckResult, leftOpen } from "../../../lib/evidence/evidence.ts";
import { overall, verdictOf } from "../../../lib/evidence/verdict.ts";
import { privilegeDrop } from "../../../lib/experiments/privilege_drop/experiment.ts";

const result = (id: CheckId, status: CheckResult["status"]): CheckResult => ({
  ...CHECKS[id],
  id,
  status,
  observed: "",
  evidence: {},
  seen_by: ["parent"],
});

Deno.test("verdictOf() is PASS only if no check fails, no essential one is skipped, and one is judged", () => {
  const cases: [checks: CheckResult[], verdict: string][] = [
    [[result("DROP-01", "pass"), result("RECV-01", "pass")], "PASS"],
    [[result("RELAY-06", "skip"), result("RECV-01", "pass")], "PASS"],
    [[result("RECV-02", "skip"), result("RECV-01", "pass")], "INCONCLUSIVE"],
    [[result("DROP-01", "pass"), result("RECV-01", "skip")], "INCONCLUSIVE"],
    [[result("DROP-01", "fail"), result("RECV-01", "skip")], "FAIL"],
    [[result("DROP-01", "fail"), result("RECV-01", "pass")], "FAIL"],
    [[result("DROP-01", "skip"), result("DROP-02", "skip")], "INCONCLUSIVE"],
    [[result("DROP-01", "skip"), result("DROP-02", "pass")], "INCONCLUSIVE"],
    [[result("PATH-01", "skip"), result("PATH-02", "pass")], "PASS"],
    [
      [{ ...result("PATH-01", "skip"), ...leftOpen("") }, result("PATH-02", "pass")],
      "INCONCLUSIVE",
    ],
    [[{ ...result("PATH-01", "skip"), ...leftOpen("") }, result("PATH-02", "fail")], "FAIL"],
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

Deno.test("Every check of privilege-drop, plain and hardened, is essential", () => {
  const ids = [...privilegeDrop.plan, ...CONFINEMENT_CHECKS];
  assertEquals(ids.filter((id) => describeCheck(id).essential !== true), []);
  for (const skipped of ids) {
    const checks = ids.map((id) => result(id, id === skipped ? "skip" : "pass"));
    assertEquals(verdictOf(checks), "INCONCLUSIVE", skipped);
  }
});
