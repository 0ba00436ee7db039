/** Every experiment in a private home, and every way in which files can be closed to the child. */

import { assertEquals, assertMatch } from "@std/assert";
import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import { testNeeding } from "../support/needs.ts";
import { ROOT, runProgram } from "../support/programs.ts";
import { PrivateHome } from "./private_home.ts";

const needs = { root: true, programs: { ip: "iproute2", unshare: "util-linux" } };
const COPIES = /"\/[^"]*" is closed to other users: the child runs copies of its modules/;

const RUNS = [
  ["--harden"],
  ["--trace"],
  ...EXPERIMENTS.map(({ name }) => ["-e", name]),
  ["--harden", "-e", "io-uring"],
];

testNeeding(needs, "In a home of mode 0700 every experiment is a PASS", async () => {
  await using home = await PrivateHome.make();
  for (const args of RUNS) {
    const { code, stdout } = await home.run(["main.ts", "-v", ...args, "veth-fdpass"]);
    assertEquals(code, 0, `${args}: ${stdout}`);
    assertMatch(stdout, COPIES);
  }
});

testNeeding(needs, "In a home of mode 0700 the one-file build is a PASS", async () => {
  await using home = await PrivateHome.make();
  const file = `${home.path}/fdpass/main.ts`;
  await runProgram(Deno.execPath(), ["run", "-A", `${ROOT}/scripts/bundle.ts`, file]);
  for (const args of RUNS) {
    const { code, stdout } = await home.run(["main.ts", "-v", ...args, "veth-fdpass"]);
    assertEquals(code, 0, `${args}: ${stdout}`);
    assertMatch(stdout, COPIES);
  }
});

/** Ways to close files to the child: a line of shell, with the home as `$0`. */
const CLOSED: Readonly<Record<string, string>> = {
  "a home of mode 0750": `chmod 750 "$0"`,
  "a home that may be entered and not listed": `chmod 711 "$0"; chmod 700 "$0/fdpass"`,
  "a clone made with umask 077": `chmod 755 "$0"; chmod -R go-rwx "$0/fdpass"`,
  "one module of mode 0600": `chmod 755 "$0"; chmod 600 "$0/fdpass/ffi/abi/libc.ts"`,
  "two modules, in two folders":
    `chmod 755 "$0"; cd "$0/fdpass"; chmod 600 ffi/abi/libc.ts lib/host/users.ts`,
  "files without any mode": `chmod -R 000 "$0/fdpass/lib"`,
  "a space and a quote in its name":
    `mv "$0/fdpass" "$0/fd 'p\\"ass"; ln -s "fd 'p\\"ass" "$0/fdpass"`,
};

for (const [what, script] of Object.entries(CLOSED)) {
  testNeeding(needs, `In ${what}: PASS, with copies`, async () => {
    await using home = await PrivateHome.make();
    await home.do(script);
    const { code, stdout, stderr } = await home.run(["main.ts", "-v", "veth-fdpass"]);
    assertEquals([code, stderr], [0, ""], stdout);
    assertMatch(stdout, COPIES);
  });
}

testNeeding(needs, "Deno and its cache in the same private home: PASS", async () => {
  await using home = await PrivateHome.make();
  const deno = `${home.path}/.deno/bin/deno`;
  await Deno.mkdir(`${home.path}/.deno/bin`, { recursive: true });
  await Deno.copyFile(Deno.execPath(), deno);
  await home.do("true");
  const { stdout } = await runProgram(Deno.execPath(), ["info", "--json"]);
  const cache = `${home.path}/.cache/deno`;
  await Deno.mkdir(cache, { recursive: true });
  await Deno.symlink(JSON.parse(stdout).npmCache.replace(/\/$/, ""), `${cache}/npm`);
  const before = ["env", `DENO_DIR=${cache}`];
  const outcome = await home.run(["main.ts", "-v", "veth-fdpass"], { deno, before });
  assertEquals([outcome.code, outcome.stderr], [0, ""], outcome.stdout);
  assertMatch(outcome.stdout, COPIES);
  assertEquals(Deno.statSync(`${cache}/fdpass_child/gen`).isDirectory, true, "the cache is used");
});

testNeeding(needs, "A link to a clone in a private home: PASS, with copies", async () => {
  await using home = await PrivateHome.make();
  await Deno.symlink(`${home.path}/fdpass`, `${home.parent}/link`);
  const main = `${home.parent}/link/main.ts`;
  const { code, stdout, stderr } = await home.run([main, "-v", "veth-fdpass"]);
  assertEquals([code, stderr], [0, ""], stdout);
  assertMatch(stdout, COPIES);
});
