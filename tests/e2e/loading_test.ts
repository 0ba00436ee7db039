/**
 * A program that cannot be loaded is no refutation: main.ts says what is missing, and exits with 4.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { type Outcome, ROOT, runProgram } from "../support/programs.ts";

/** Runs a copy of main.ts beside a stand-in for the rest, or without the rest. */
async function runWith(rest: string | undefined): Promise<Outcome> {
  const folder = await Deno.makeTempDir();
  try {
    for (const path of ["main.ts", "lib/host/deno_version.ts"]) {
      await Deno.mkdir(`${folder}/${path}`.replace(/[^/]*$/, ""), { recursive: true });
      await Deno.copyFile(`${ROOT}/${path}`, `${folder}/${path}`);
    }
    await Deno.mkdir(`${folder}/lib/cli`);
    if (rest !== undefined) await Deno.writeTextFile(`${folder}/lib/cli/main.ts`, rest);
    const outcome = await runProgram(Deno.execPath(), ["run", "-A", `${folder}/main.ts`, "lo"]);
    return { ...outcome, stderr: outcome.stderr.replaceAll(folder, "FOLDER") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("main.ts returns the status of the rest", async () => {
  const rest = "export const main = async (args: string[]) => args[0] === 'lo' ? 37 : 1;";
  assertEquals(await runWith(rest), { code: 37, stdout: "", stderr: "" });
});

Deno.test("main.ts reports what nothing catches while it loads the rest as a defect: exit 70", async () => {
  for (
    const uncaught of [
      'throw new Error("of a timer")',
      'void Promise.reject(new Error("of a timer"))',
    ]
  ) {
    const rest = `setTimeout(() => { ${uncaught}; });
      await new Promise((resolve) => setTimeout(resolve, 5000));
      export const main = () => 0;`;
    const { code, stdout, stderr } = await runWith(rest);
    assertMatch(stderr, /^fdpass: fdpass itself failed: Error: of a timer\n/);
    assertEquals([code, stdout], [70, ""]);
  }
});

Deno.test("main.ts names a module that is missing: exit 4", async () => {
  for (const rest of [undefined, 'export * from "./none.ts";']) {
    const { code, stdout, stderr } = await runWith(rest);
    assertMatch(stderr, /^fdpass: Module not found "file:\/\/FOLDER\/lib\/cli\/\w+\.ts"\.\n$/);
    assertEquals([code, stdout], [4, ""]);
  }
});

Deno.test("main.ts reports a module that throws as a defect: exit 70", async () => {
  for (const rest of ['throw new TypeError("a defect");', 'throw new Error("a defect");', "{"]) {
    const { code, stdout, stderr } = await runWith(rest);
    assertMatch(stderr, /^fdpass: \w*Error: .*[^]*lib\/cli\/main\.ts:1/);
    assertEquals([code, stdout], [70, ""]);
  }
});

testNeeding(
  { root: true },
  "main.ts names the package that it cannot fetch, and the remedy: exit 4",
  async () => {
    const cache = await Deno.makeTempDir();
    try {
      const { code, stdout, stderr } = await runProgram(
        "unshare",
        ["--net", Deno.execPath(), "run", "-A", "main.ts", "lo"],
        { env: { DENO_DIR: cache } },
      );
      assertMatch(stderr, /^fdpass: Failed caching npm package 'deno-std@.*needs a network\)$/m);
      assertEquals([code, stdout], [4, ""]);
    } finally {
      await Deno.remove(cache, { recursive: true });
    }
  },
);
