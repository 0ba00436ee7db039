import { assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { inNamespace, type Outcome } from "../support/programs.ts";

/** Runs the tests of these files. The files are new ones in a folder of their own. */
async function runTests(files: Readonly<Record<string, string>>): Promise<Outcome> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const script = ["run", "-A", "scripts/run_tests.ts", "--no-check", folder];
    return await inNamespace([Deno.execPath(), ...script]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const needs = { root: true, programs: { ip: "iproute2" } };
const GOOD = `Deno.test("good", () => {}); Deno.test.ignore("left", () => {});`;
const BAD = `Deno.test("bad", () => { throw new Error("broken"); });`;

testNeeding(needs, "run_tests.ts runs each file once, over several runs of Deno", async () => {
  const names = Array.from({ length: 9 }, (_, i) => `n${i}_test.ts`);
  const { code, stdout } = await runTests(Object.fromEntries(names.map((name) => [name, GOOD])));
  const run = [...stdout.matchAll(/^running \d tests? from \S*\/(n\d_test\.ts)$/gm)];
  assertEquals(run.map(([, name]) => name).sort(), names);
  assertMatch(stdout, /\nok \| 9 passed \| 0 failed \| 9 ignored \(\d+m\d+s\)\n$/);
  assertEquals(code, 0);
});

testNeeding(needs, "run_tests.ts repeats what failed at the end, and exits with 1", async () => {
  const { code, stdout } = await runTests({ "a_test.ts": GOOD, "b_test.ts": BAD });
  assertMatch(stdout, /\n ERRORS \n\nbad => \S*b_test\.ts:1:6\nerror: Error: broken\n/);
  assertMatch(stdout, /\nFAILED \| 1 passed \| 1 failed \| 1 ignored \(\d+m\d+s\)\n$/);
  assertEquals(code, 1);
});

testNeeding(needs, "run_tests.ts fails if there is no test", async () => {
  const { code, stdout } = await runTests({});
  assertEquals([code, stdout], [1, "FAILED | 0 passed | 0 failed (0m0s)\n"]);
});
