/** A few surroundings for every test run; `surroundings.sweep.ts` has all. */

import { assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { problemsOf, RunFolder, type SurroundingOutcome } from "./in_surrounding.ts";
import { SURROUNDINGS } from "./surroundings.ts";

const NEEDS = { root: true, programs: { ip: "iproute2", prlimit: "util-linux" } };

let folder: RunFolder;
Deno.test.beforeAll(() => void (folder = new RunFolder()));
Deno.test.afterAll(() => folder[Symbol.asyncDispose]());

for (const surrounding of SURROUNDINGS.filter(({ quick }) => quick)) {
  testNeeding(NEEDS, `Where ${surrounding.what}: exit ${surrounding.exit}`, async () => {
    assertEquals(problemsOf(surrounding, await folder.run(surrounding)), []);
  });
}

Deno.test("problemsOf() finds each problem", () => {
  const [plain] = SURROUNDINGS;
  const left = { processes: [], interfaces: [], files: [], sockets: [] };
  const good: SurroundingOutcome = {
    code: 0,
    output: "✓ SUCCESS: it works\n✓ Core assumption validated: D24\n",
    milliseconds: 300,
    left,
  };
  assertEquals(problemsOf(plain, good), []);
  const bad: Partial<SurroundingOutcome>[] = [
    { code: 1 },
    { output: "" },
    { milliseconds: 100_000 },
    { output: `${good.output}    at file:///main.ts:1:2\n` },
    { output: `${good.output}fdpass: fdpass itself failed: Error\n` },
    ...Object.keys(left).map((what) => ({ left: { ...left, [what]: ["one"] } })),
  ];
  for (const each of bad) assertEquals(problemsOf(plain, { ...good, ...each }).length > 0, true);
  assertEquals(problemsOf({ ...plain, says: /^/ }, { ...good, output: "FAIL\n" }).length, 1);
});
