/**
 * `inspect` of a thread of the kernel. A PID namespace shows none, so this runs on the machine
 * itself.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { ROOT, runProgram } from "../support/programs.ts";

Deno.test("A thread of the kernel: exit 4, with the reason", async () => {
  assertEquals(Deno.readTextFileSync("/proc/2/comm").trim(), "kthreadd", "run it on the machine");
  const args = ["run", "-A", `${ROOT}/main.ts`, "inspect", "2"];
  const { code, stderr } = await runProgram(Deno.execPath(), args);
  assertEquals(code, 4);
  assertMatch(stderr, /thread of the kernel/);
});
