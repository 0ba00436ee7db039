/**
 * Where `scripts/netns.sh` cannot start its command, the answer is exit 4 and one line with the
 * remedy: a tool's own status must not look like the command's.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { type Outcome, ROOT, runProgram } from "../support/programs.ts";

const root = { root: true, programs: { ip: "iproute2" } };
const SCRIPT = `${ROOT}/scripts/netns.sh`;

const without = (capability: string) => [
  "setpriv",
  `--bounding-set=-${capability}`,
  `--inh-caps=-${capability}`,
];

/** Runs the script after some shell commands in a user namespace whose limits they can set. */
const afterwards = (commands: string) => [
  ...["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"],
  `${commands} && exec "$0" "$@"`,
];

const OBSTACLES: [what: string, before: readonly string[], says: RegExp][] = [
  ["without CAP_SYS_ADMIN", without("sys_admin"), /CAP_SYS_ADMIN .*not permitted.*--privileged$/],
  ["without CAP_NET_ADMIN", without("net_admin"), /CAP_NET_ADMIN .*not permitted.*--privileged$/],
  [
    "where no network namespace may be made",
    afterwards("echo 0 >/proc/sys/user/max_net_namespaces"),
    /their number is limited .*No space left.*user\.max_net_namespaces/,
  ],
];

/** Runs a command that would succeed, and one that would fail, each with a sign of life. */
async function bothWays(before: readonly string[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const status of [0, 1]) {
    const [program, ...args] = [...before, SCRIPT, "sh", "-c", `echo ran; exit ${status}`];
    outcomes.push(await runProgram(program, args));
  }
  return outcomes;
}

function assertRefused(outcomes: readonly Outcome[], says: RegExp): void {
  for (const { code, stdout, stderr } of outcomes) {
    assertMatch(stderr, /^netns\.sh: .*\n$/);
    assertMatch(stderr.trimEnd(), says);
    assertEquals([code, stdout], [4, ""]);
  }
}

for (const [what, before, says] of OBSTACLES) {
  testNeeding(root, `netns.sh ${what} names the remedy: exit 4`, async () => {
    assertRefused(await bothWays(before), says);
  });
}

testNeeding(root, "netns.sh without an obstacle returns the command's status", async () => {
  const outcomes = await bothWays(afterwards("true"));
  assertEquals(outcomes, [0, 1].map((code) => ({ code, stdout: "ran\n", stderr: "" })));
});

/**
 * Runs the script in a chroot that has everything, in a mount namespace of its own.
 *
 * @param then What is done with the folder of the chroot before.
 */
const inChroot = (folder: string, then: string) => [
  ...["unshare", "--mount", "sh", "-ec"],
  `mount -t tmpfs tmpfs "$0"
   new=$0/root
   mkdir "$new"
   for each in /*; do
     if [ -L "$each" ]; then cp -d "$each" "$new"
     elif [ -d "$each" ]; then mkdir "$new$each"; mount --rbind "$each" "$new$each"
     fi
   done
   ${then}
   exec chroot "$new" "$@"`,
  folder,
];

testNeeding(root, "netns.sh in a chroot needs a mount point as its folder: exit 4", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const outcomes = await bothWays(inChroot(folder, ":"));
    assertRefused(outcomes, /in a chroot .*mount --bind FOLDER FOLDER$/);
    assertEquals(
      await bothWays(inChroot(folder, 'mount --rbind "$new" "$new"')),
      [0, 1].map((code) => ({ code, stdout: "ran\n", stderr: "" })),
    );
  } finally {
    await Deno.remove(folder);
  }
});

testNeeding(
  root,
  "netns.sh without its packages and without a network says so: exit 4",
  async () => {
    const cache = await Deno.makeTempDir();
    try {
      const before = ["unshare", "--net", "env", `DENO_DIR=${cache}`];
      assertRefused(
        await bothWays(before),
        /packages in deno\.lock .*'deno-std@.*needs a network$/,
      );
    } finally {
      await Deno.remove(cache, { recursive: true });
    }
  },
);
