import { assertEquals } from "@std/assert";
import { type CheckId, CHECKS } from "../../lib/checks.ts";
import { type CheckResult, overall, verdictOf } from "../../lib/evidence.ts";

const result = (id: CheckId, status: CheckResult["status"]): CheckResult => ({
  ...CHECKS[id],
  id,
  status,
  observed: "",
  evidence: {},
});

Deno.test("verdictOf() is PASS only if no check fails, no essential one is skipped, and one at least is judged", () => {
  const cases: [checks: CheckResult[], verdict: string][] = [
    [[result("DROP-01", "pass"), result("RECV-01", "pass")], "PASS"],
    [[result("DROP-01", "skip"), result("RECV-01", "pass")], "PASS"],
    [[result("DROP-01", "pass"), result("RECV-01", "skip")], "INCONCLUSIVE"],
    [[result("DROP-01", "fail"), result("RECV-01", "skip")], "FAIL"],
    [[result("DROP-01", "fail"), result("RECV-01", "pass")], "FAIL"],
    [[result("DROP-01", "skip"), result("DROP-02", "skip")], "INCONCLUSIVE"],
    [[result("DROP-01", "skip"), result("DROP-02", "pass")], "PASS"],
    [[], "INCONCLUSIVE"],
  ];
  for (const [checks, verdict] of cases) assertEquals(verdictOf(checks), verdict);
});

Deno.test("overall() lets a refutation outweigh everything, and an open question a PASS", () => {
  assertEquals(overall(["PASS", "PASS"]), "PASS");
  assertEquals(overall(["PASS", "INCONCLUSIVE"]), "INCONCLUSIVE");
  assertEquals(overall(["INCONCLUSIVE", "FAIL", "PASS"]), "FAIL");
  assertEquals(overall([]), "INCONCLUSIVE");
});
