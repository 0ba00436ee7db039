/** The README's first commands on a minimal Debian, which has neither sudo nor Deno nor `ip`. */

import { assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { Debian } from "./debian.ts";

const needs = { root: true, programs: { debootstrap: "debootstrap", unshare: "util-linux" } };
const PASS = /^PASS privilege-drop: \d+ of \d+ checks hold\n$/;

for (const suite of ["bookworm", "trixie"]) {
  testNeeding(needs, `On a minimal ${suite}, as root, the README's commands work`, async () => {
    await using debian = await Debian.make(suite);
    assertEquals((await debian.run("command -v sudo ip npm deno")).stdout, "");

    const first = await debian.run("scripts/netns.sh -q");
    assertMatch(
      first.stderr,
      /^netns\.sh: missing: "ip" "npm"; running apt-get install --no-install-recommends iproute2 npm\nnetns\.sh: no Deno found; installing Deno 2\.\d+\.\d+ into \/srv\/fdpass\/\.tools\n$/,
    );
    assertMatch(first.stdout, PASS);
    assertEquals(first.code, 0);

    const again = await debian.run("scripts/netns.sh -q");
    assertEquals([again.code, again.stderr], [0, ""]);
    assertMatch((await debian.run("scripts/fdpass.sh --explain DENY-01")).stdout, /^DENY-01/);
    const test = await debian.run("scripts/netns.sh test tests/lib/host/deno_version_test.ts");
    assertMatch(test.stdout, /\nok \| \d+ passed \| 0 failed/);

    const liar = "deno run -A tests/hostile/run.ts ./child.ts?liar -q veth-fdpass";
    const refuted = await debian.run(`scripts/netns.sh ${liar}`);
    assertEquals([refuted.code, refuted.stdout.slice(0, 19)], [1, "FAIL privilege-drop"]);

    const folder = await debian.run("scripts/netns.sh -q", { how: "folder" });
    assertMatch(folder.stderr, /^netns\.sh: .*mount --bind FOLDER FOLDER\n$/);
    assertEquals([folder.code, folder.stdout], [4, ""]);

    const owners = await debian.run("find .tools -printf '%u\\n' | sort -u; rm -r .tools");
    assertEquals(owners, { code: 0, stdout: "root\n", stderr: "" });
  });
}

const USER = `
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends sudo
  for user in able unable; do useradd --create-home $user; done
  echo "able ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/able
  echo "Defaults env_keep += NODE_EXTRA_CA_CERTS" >>/etc/sudoers.d/able`;

testNeeding(needs, "On a minimal Debian, a user's Deno is used, and sudo asked for", async () => {
  await using debian = await Debian.make("bookworm");
  assertEquals((await debian.run(`{ ${USER}; } >/dev/null 2>&1`)).code, 0);
  const home = `${debian.folder}/home/able/.deno/bin`;
  await Deno.mkdir(home, { recursive: true });
  await Deno.copyFile(Deno.execPath(), `${home}/deno`);
  await debian.run("chown -R able:able /home/able && chmod 755 /home/able");

  const stranger = await debian.run("scripts/netns.sh -q", { as: "unable" });
  assertMatch(stranger.stderr, /netns\.sh: root is needed, and sudo refuses it: [^\n]*\n$/);
  assertEquals([stranger.code, stranger.stdout], [4, ""]);

  const ownDeno = "netns.sh: root runs /home/able/.deno/bin/deno, which belongs to able\n";
  const first = await debian.run("scripts/netns.sh -q", { as: "able" });
  assertMatch(first.stdout, PASS);
  assertEquals([first.code, first.stderr], [
    0,
    'netns.sh: missing: "ip"; running apt-get install --no-install-recommends iproute2\n' + ownDeno,
  ]);
  const bySudo = await debian.run("sudo scripts/netns.sh -q", { as: "able" });
  assertMatch(bySudo.stdout, PASS);
  assertEquals([bySudo.code, bySudo.stderr], [0, ownDeno]);
  assertEquals((await debian.run("command -v npm; ls -d .tools")).stdout, "");

  for (const status of [0, 1, 4]) {
    const { code } = await debian.run(`scripts/netns.sh sh -c 'exit ${status}'`, { as: "able" });
    assertEquals(code, status);
  }
  const text = await debian.run(
    "PATH=$PATH:$HOME/.deno/bin scripts/fdpass.sh --explain DENY-01",
    { as: "able" },
  );
  assertMatch(text.stdout, /^DENY-01/);
  assertEquals(text.code, 0);
});
