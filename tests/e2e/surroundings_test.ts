/** A few surroundings, whenever tests are run; `surroundings.sweep.ts` has them all. */

import { assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { type Coming, faultsOf, Ground } from "./in_surrounding.ts";
import { SURROUNDINGS } from "./surroundings.ts";

const NEEDS = { root: true, programs: { ip: "iproute2", prlimit: "util-linux" } };

let ground: Ground;
Deno.test.beforeAll(() => void (ground = new Ground()));
Deno.test.afterAll(() => ground[Symbol.asyncDispose]());

for (const surrounding of SURROUNDINGS.filter(({ quick }) => quick)) {
  testNeeding(NEEDS, `Where ${surrounding.what}: exit ${surrounding.exit}`, async () => {
    assertEquals(faultsOf(surrounding, await ground.run(surrounding)), []);
  });
}

Deno.test("faultsOf() sees each thing that must not be", () => {
  const [plain] = SURROUNDINGS;
  const left = { processes: [], interfaces: [], files: [], sockets: [] };
  const good: Coming = {
    code: 0,
    output: "✓ SUCCESS: it works\n✓ Core assumption validated: D24\n",
    milliseconds: 300,
    left,
  };
  assertEquals(faultsOf(plain, good), []);
  const bad: Partial<Coming>[] = [
    { code: 1 },
    { output: "" },
    { milliseconds: 100_000 },
    { output: `${good.output}    at file:///main.ts:1:2\n` },
    { output: `${good.output}fdpass: fdpass itself failed: Error\n` },
    ...Object.keys(left).map((what) => ({ left: { ...left, [what]: ["one"] } })),
  ];
  for (const each of bad) assertEquals(faultsOf(plain, { ...good, ...each }).length > 0, true);
  assertEquals(faultsOf({ ...plain, says: /^/ }, { ...good, output: "FAIL\n" }).length, 1);
});
