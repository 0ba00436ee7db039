/** The rule for CAP_NET_RAW agrees with the kernel, which is asked each time. */

import { assertEquals } from "@std/assert";
import { seeDaemon } from "../../../../lib/inspect/daemon.ts";
import { hasNetRaw } from "../../../../lib/inspect/threads/net_raw.ts";
import { type Daemon, startDaemon } from "../../../support/daemon.ts";
import { testNeeding } from "../../../support/needs.ts";

const NOTHING = "0000000000000000", RAW = "0000000000002000";
const [NEWUSER, NEWNET] = [0x10000000, 0x40000000];

/** A thread with these capabilities. */
const thread = (effective: string, permitted: string, ...uids: number[]) => ({
  uids: uids.length === 0 ? [1000, 1000, 1000, 1000] : uids,
  capabilities: { CapEff: effective, CapPrm: permitted },
});
const [TOP, CHILD] = ["user:[1]", "user:[2]"];

Deno.test("hasNetRaw() looks for the thread's user namespace from the owner upward", () => {
  const above = [{ link: CHILD, owner: 1000 }, { link: TOP, owner: 0 }];
  assertEquals(hasNetRaw(thread(RAW, RAW), CHILD, above, true), true);
  assertEquals(hasNetRaw(thread(NOTHING, RAW), CHILD, above, true), true);
  assertEquals(hasNetRaw(thread(NOTHING, NOTHING), CHILD, above, true), false);
  assertEquals(hasNetRaw(thread(RAW, RAW), TOP, above, true), true);
  // It owns the namespace below its own, or can become the user who does.
  assertEquals(hasNetRaw(thread(NOTHING, NOTHING), TOP, above, true), true);
  assertEquals(hasNetRaw(thread(NOTHING, NOTHING, 1, 1, 1000, 1), TOP, above, true), true);
  assertEquals(hasNetRaw(thread(NOTHING, NOTHING, 1, 1, 1, 1000), TOP, above, true), false);
  // Capabilities in a namespace below, or beside, are none.
  assertEquals(hasNetRaw(thread(RAW, RAW), "user:[3]", above, true), false);
});

Deno.test("hasNetRaw() does not decide what this process cannot see", () => {
  const above = [{ link: CHILD, owner: undefined }, { link: TOP, owner: 0 }];
  assertEquals(hasNetRaw(thread(NOTHING, NOTHING), TOP, above, true), undefined);
  assertEquals(hasNetRaw(thread(RAW, RAW), "user:[3]", above, false), undefined);
  assertEquals(hasNetRaw(thread(RAW, RAW), "user:[3]", [], false), undefined);
});

/** Whether the kernel lets the daemon's first thread create a packet socket; ends the daemon. */
async function creates(daemon: Daemon): Promise<boolean> {
  try {
    await daemon.run("packet");
    return true;
  } catch (error) {
    if (error instanceof Error && error.message.includes("Operation not permitted")) return false;
    throw error;
  }
}

/** Starting points, each with the words that lead there, and whether a packet socket is allowed. */
const CASES: Record<string, [words: string[], allowed: boolean]> = {
  "root": [[], true],
  "nobody": [["uid=65534"], false],
  "nobody with CAP_NET_RAW": [
    ["keep-capabilities", "uid=65534", "capabilities=0x2000,0x2000,0"],
    true,
  ],
  "root without capabilities": [["capabilities=0,0,0"], false],
  "a user in a network of its own": [["uid=1234", `unshare=${NEWUSER | NEWNET}`], true],
  "a user with a namespace of its own in the machine's network": [
    ["uid=1234", `unshare=${NEWUSER}`],
    false,
  ],
};

const needs = { root: true, programs: { cc: "gcc", nsenter: "util-linux" } };
for (const [who, [words, allowed]] of Object.entries(CASES)) {
  testNeeding(needs, `netRaw is what the kernel answers to ${who}`, async () => {
    await using daemon = await startDaemon(words);
    const { netRaw } = seeDaemon(daemon.pid);
    assertEquals(netRaw.get(daemon.pid), allowed);
    assertEquals(await creates(daemon), allowed);
  });
}

testNeeding(
  needs,
  "netRaw is true for the owner of the namespace that owns the network, and for no other user",
  async () => {
    await using owner = await startDaemon(["uid=1234", `unshare=${NEWUSER | NEWNET}`]);
    for (const [uid, allowed] of [[1234, true], [1235, false], [0, true]] as const) {
      await using daemon = await startDaemon([`uid=${uid}`], {
        through: ["nsenter", `--net=/proc/${owner.pid}/ns/net`],
      });
      const { netRaw, threads: [{ capabilities }] } = seeDaemon(daemon.pid);
      assertEquals(BigInt(`0x${capabilities.CapEff}`) === 0n, uid !== 0);
      assertEquals(netRaw.get(daemon.pid), allowed, `uid ${uid}`);
      assertEquals(await creates(daemon), allowed, `uid ${uid}`);
    }
  },
);

testNeeding(needs, "netRaw counts what is permitted and not effective", async () => {
  const words = ["keep-capabilities", "uid=65534", "capabilities=0,0x2000,0"];
  await using daemon = await startDaemon(words);
  assertEquals(seeDaemon(daemon.pid).netRaw.get(daemon.pid), true);
  await daemon.run("capabilities=0x2000,0x2000,0");
  assertEquals(await creates(daemon), true);
});

testNeeding(
  needs,
  "A network namespace among the descriptors counts, if it belongs to it",
  async () => {
    const nobody = ["groups=", "gid=65534", "uid=65534"];
    for (
      const [words, netRaw] of [
        [[...nobody, `unshare=${NEWUSER | NEWNET}`], true],
        [[`unshare=${NEWNET}`, ...nobody], false],
      ] as const
    ) {
      await using there = await startDaemon(words);
      const through = ["sh", "-c", `exec 9</proc/${there.pid}/ns/net; exec "$0" "$@"`];
      await using daemon = await startDaemon(nobody, { through });
      const { heldNetworks, netRaw: here } = seeDaemon(daemon.pid);
      assertEquals(heldNetworks.map((each) => [each.fd, each.netRaw]), [[9, netRaw]]);
      assertEquals([...here.values()], [false]);
    }
  },
);
