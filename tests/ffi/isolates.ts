/**
 * Isolates of one process, one after another: the files of `deno test`.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { ROOT, runProgram } from "../support/programs.ts";

/**
 * Runs a program in many isolates of one process, and checks that the process survives.
 *
 * @param program The program's path below `tests/`.
 */
export async function assertIsolatesLive(program: string): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${ROOT}/tests/${program}`;
    for (let i = 0; i < 20; i++) {
      const test = `import "file://${path}"; Deno.test("lives", () => {});`;
      await Deno.writeTextFile(`${folder}/isolate_${i}_test.ts`, test);
    }
    const args = ["test", "-A", "--no-check", "--quiet", "--config", `${ROOT}/deno.json`, folder];
    const { code, stderr } = await runProgram(Deno.execPath(), args);
    assertEquals([code, stderr], [0, ""]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
