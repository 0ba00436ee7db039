/** What each capability of the table in SECURITY.md adds, for a parent that is not root. */

import { assertEquals } from "@std/assert";
import type { Verdict } from "../../lib/evidence/evidence.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { asService, ENOUGH, SERVICE_DENO } from "../support/service.ts";
import { TestsAhead } from "../support/tests_ahead.ts";

const needs = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };
const tests = new TestsAhead();

const CASES: readonly [verdict: Verdict, more: readonly string[], args: readonly string[]][] = [
  ["PASS", ["net_admin"], ["-e", "receive-paths"]],
  ["INCONCLUSIVE", [], ["-e", "receive-paths"]],
  ["PASS", ["sys_admin", "net_admin"], ["-e", "supervisor"]],
  ["INCONCLUSIVE", ["net_admin"], ["-e", "supervisor", "--kills", "2"]],
  ["INCONCLUSIVE", ["sys_admin"], ["-e", "supervisor"]],
  ["PASS", ["sys_admin", "net_admin"], ["-e", "relay"]],
  ["INCONCLUSIVE", ["sys_admin"], ["-e", "relay"]],
  ["PASS", ["sys_admin", "setpcap"], ["--harden"]],
  ["INCONCLUSIVE", ["sys_admin", "net_admin", "setpcap"], ["-e", "authority"]],
  ["INCONCLUSIVE", ["sys_admin", "net_admin", "setpcap"], ["-e", "io-uring"]],
];

for (const [verdict, more, args] of CASES) {
  const what = `${args.join(" ")} with ${more.join(", ") || "nothing"} more`;
  tests.add(needs, `A service, ${what}: ${verdict}`, async () => {
    const program = [SERVICE_DENO, "run", "-A", "main.ts", "--json", ...args, "veth-fdpass"];
    const outcome = await inNamespace([...asService([...ENOUGH, ...more]), ...program]);
    const evidence = evidenceIn(outcome);
    const checks = evidence.experiments.flatMap(({ checks }) => checks);
    const failed = checks.filter(({ status }) => status === "fail");
    assertEquals([evidence.verdict, failed], [verdict, []]);
    if (more.includes("setpcap") && args.includes("--harden")) {
      const { evidence: seen } = checks.find(({ id }) => id === "HARD-01")!;
      assertEquals(/"CapBnd":"0{16}"/.test(JSON.stringify(seen)), true);
    }
  });
}
