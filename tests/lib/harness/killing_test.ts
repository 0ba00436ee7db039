import { assertEquals } from "@std/assert";
import { testNeeding } from "../../support/needs.ts";
import { runProgram } from "../../support/programs.ts";
import { asService, LEAST, SERVICE_DENO } from "../../support/service.ts";

const NEEDS = { root: true, programs: { setpriv: "util-linux" } };

async function killed(capabilities: readonly string[]): Promise<unknown> {
  const program = [SERVICE_DENO, "run", "-A", "tests/lib/harness/programs/killing.ts"];
  const [first, ...args] = [...asService(capabilities), ...program];
  const { code, stdout, stderr } = await runProgram(first, args);
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

testNeeding(NEEDS, "killProcess() kills a process of another user by CAP_SETUID", async () => {
  assertEquals(await killed(LEAST), { directly: "EPERM", signal: "SIGKILL" });
});

testNeeding(NEEDS, "killProcess() kills it directly with CAP_KILL", async () => {
  assertEquals(await killed([...LEAST, "kill"]), { directly: "permitted", signal: "SIGKILL" });
});
