/** An older Deno gets one line and exit 4, whatever it was asked, and the oldest good one works. */

import { assertEquals, assertMatch } from "@std/assert";
import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import { bundled } from "../e2e/one_file.ts";
import { testNeeding } from "../support/needs.ts";
import { inNamespace, type Outcome, ROOT, runProgram } from "../support/programs.ts";
import { type OldDeno, oldDeno } from "./old_deno.ts";

const needs = { root: true, programs: { npm: "npm", ip: "iproute2" } };
const REFUSED: readonly OldDeno[] = ["2.3", "2.5"];
const LINE = /^fdpass: This is Deno 2\.\d+\.\d+, and Deno 2\.6 or later is needed: .*\n$/;

/** Runs a Deno with an empty cache, where there is no network. */
async function runAlone(deno: string, ...args: string[]): Promise<Outcome> {
  const cache = await Deno.makeTempDir();
  try {
    const env = { DENO_DIR: cache };
    return await runProgram("unshare", ["--net", deno, "run", "-A", ...args], { env });
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
}

for (const version of REFUSED) {
  testNeeding(needs, `main.ts refuses Deno ${version} in one line: exit 4`, async () => {
    const deno = await oldDeno(version);
    for (const args of [["lo"], ["--version"], ["--json", "lo"], ["-e", "all", "lo"], []]) {
      const { code, stdout, stderr } = await runAlone(deno, "main.ts", ...args);
      assertMatch(stderr, LINE);
      assertEquals([code, stdout], [4, ""]);
    }
  });
}

testNeeding(
  needs,
  "The one-file build refuses an older Deno in one line: exit 4",
  () =>
    bundled(async ({ folder }) => {
      for (const version of ["2.2", ...REFUSED] as const) {
        const file = `${folder}/fdpass.js`;
        const { code, stdout, stderr } = await runAlone(await oldDeno(version), file, "lo");
        assertMatch(stderr, LINE);
        assertEquals([code, stdout], [4, ""]);
      }
    }),
);

// Deno 2.2 does not understand deno.lock, and looks at it before main.ts.
testNeeding(needs, "Deno 2.2 refuses main.ts by itself, because of deno.lock", async () => {
  const { code, stdout, stderr } = await runAlone(await oldDeno("2.2"), "main.ts", "lo");
  assertMatch(stderr, /Unsupported lockfile version.*Try upgrading Deno/);
  assertEquals([code, stdout], [1, ""]);
});

testNeeding(needs, "The scripts pass over an older Deno on PATH, and say so", async () => {
  for (const version of ["2.2", ...REFUSED] as const) {
    const deno = await oldDeno(version);
    const env = { PATH: `${deno.replace(/[^/]*$/, "")}:${Deno.env.get("PATH")}` };
    const { code, stdout, stderr } = await runProgram(`${ROOT}/scripts/netns.sh`, ["-q"], { env });
    assertMatch(
      stderr,
      /^netns\.sh: \/.* is Deno 2\.\d\.\d+, and 2\.6 or later is needed; using \/.*\n$/,
    );
    assertEquals([code, stdout.slice(0, 20)], [0, "PASS privilege-drop:"]);
  }
});

for (const { name } of EXPERIMENTS) {
  testNeeding(needs, `Deno 2.6 is new enough: ${name}`, async () => {
    const command = [await oldDeno("2.6"), "run", "-A", "main.ts", "-q", "-e", name, "veth-fdpass"];
    const { code, stdout, stderr } = await inNamespace(command);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, new RegExp(`^PASS ${name}: `));
  });
}

testNeeding(needs, "By Deno 2.6 a child that keeps root is a FAIL", async () => {
  const run = [await oldDeno("2.6"), "run", "-A", "tests/hostile/run.ts"];
  const { code, stdout } = await inNamespace([...run, "./child.ts?liar", "-q", "veth-fdpass"]);
  assertEquals(code, 1);
  assertMatch(stdout, /^FAIL privilege-drop/);
});
