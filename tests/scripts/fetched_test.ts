/** What a first run downloads: only the packages that it imports. */

import { assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { ROOT, runProgram } from "../support/programs.ts";

/** Packages of the tests that main.ts does not import. */
const OF_TESTS = ["ajv", "axe-core", "fast-check", "playwright-core", "rollup"];

/**
 * Runs a command with an empty cache and a registry that records the names of the packages, and has
 * none. It answers only after all names of one round have been asked for.
 */
async function requestedBy(program: string, ...args: string[]): Promise<string[]> {
  const names = new Set<string>();
  const cache = await Deno.makeTempDir();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    names.add(new URL(request.url).pathname.split("/")[1]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    return new Response(null, { status: 404 });
  });
  try {
    const registry = `http://127.0.0.1:${server.addr.port}/`;
    const { code, stdout } = await runProgram(program, args, {
      env: { DENO_DIR: cache, NPM_CONFIG_REGISTRY: registry },
    });
    assertEquals([code, stdout], [4, ""]);
    return [...names].sort();
  } finally {
    await server.shutdown();
    await Deno.remove(cache, { recursive: true });
  }
}

const SCRIPT = `${ROOT}/scripts/netns.sh`;
const needs = { root: true, programs: { ip: "iproute2" } };

for (const args of [[], ["deno", "run", "-A", "main.ts", "veth-fdpass"]]) {
  const command = ["netns.sh", ...args].join(" ");
  testNeeding(needs, `${command} fetches only what main.ts imports`, async () => {
    assertEquals(await requestedBy(SCRIPT, ...args), ["deno-std"]);
  });
}

testNeeding(needs, "fdpass.sh, and main.ts itself, fetch only what main.ts imports", async () => {
  assertEquals(await requestedBy(`${ROOT}/scripts/fdpass.sh`, "lo"), ["deno-std"]);
  assertEquals(await requestedBy(Deno.execPath(), "run", "-A", "main.ts", "lo"), ["deno-std"]);
});

for (const args of [["test"], ["deno", "run", "-A", "tests/x.ts"]]) {
  const command = ["netns.sh", ...args].join(" ");
  testNeeding(needs, `${command} fetches what the tests import as well`, async () => {
    const requested = await requestedBy(SCRIPT, ...args);
    assertEquals(OF_TESTS.filter((name) => !requested.includes(name)), []);
  });
}
