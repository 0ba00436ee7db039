import { assertEquals } from "@std/assert";
import { ROOT, runProgram } from "../../support/programs.ts";

const ROUNDS = 1000;

Deno.test("settled() waits for every signal sent before it, whichever thread handles it", async () => {
  const program = `${ROOT}/tests/lib/harness/programs/interrupted_often.ts`;
  const { stdout, stderr } = await runProgram(Deno.execPath(), [
    ...["run", "-A", "--quiet", program, String(ROUNDS)],
  ]);
  assertEquals([JSON.parse(stdout), stderr], [{ rounds: ROUNDS, missed: 0 }, ""]);
});
