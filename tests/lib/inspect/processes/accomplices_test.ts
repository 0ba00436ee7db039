/** Processes with privileges through which an unprivileged one could act. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseOtherThread, seeAccomplices } from "../../../../lib/inspect/processes/accomplices.ts";
import { systemSetting } from "../../../../lib/host/kernel.ts";
import { seeDaemon } from "../../../../lib/inspect/daemon.ts";
import { descendantsOf } from "../../../../lib/inspect/processes/processes.ts";
import { until } from "../../../e2e/processes.ts";
import { startDaemon } from "../../../support/daemon.ts";
import { testNeeding } from "../../../support/needs.ts";
import { straceOn } from "../../../support/strace.ts";

const NOBODY = ["groups=", "gid=65534", "uid=65534"];

testNeeding({ root: true }, "A process of root's that shares its memory is found", async () => {
  await using sharing = await startDaemon(["thread", "vfork", "end"]);
  await using apart = await startDaemon(["fork", "end"]);
  for (const [daemon, isFound] of [[sharing, true], [apart, false]] as const) {
    const [child] = await childrenOf(daemon.pid);
    for (const [pid, other] of [[daemon.pid, child], [child, daemon.pid]]) {
      const { found, unseen } = accomplicesOf(pid);
      const ofTheTwo = found.filter((each) => each.includes(`process ${other} `));
      assertEquals(ofTheTwo.length, isFound ? 1 : 0, found.join());
      if (isFound) assert(ofTheTwo[0].startsWith("it shares its memory with process "));
      assertEquals(unseen, []);
    }
  }
});

testNeeding({ root: true }, "One that shares its table of descriptors is found", async () => {
  await using daemon = await startDaemon(["share-descriptors", ...NOBODY]);
  const [child] = await childrenOf(daemon.pid);
  const { found } = accomplicesOf(daemon.pid);
  assertEquals(found.length, 1);
  assert(found[0].startsWith(`it shares its descriptors with process ${child} `), found[0]);
  await using apart = await startDaemon([...NOBODY, "share-descriptors"]);
  assertEquals(accomplicesOf(apart.pid).found, []);
});

testNeeding({ root: true }, "One that shares the table of a single thread is found", async () => {
  const table = ["unshare=0x400", "share-descriptors", ...NOBODY];
  await using daemon = await startDaemon(["thread", ...table, "end", ...NOBODY]);
  const [child] = await childrenOf(daemon.pid);
  const { found } = accomplicesOf(daemon.pid);
  assertEquals(found.length, 1);
  assert(found[0].startsWith(`it shares its descriptors with process ${child} `), found[0]);
});

testNeeding({ root: true }, "One whose root thread hides in a relay leaves it open", async () => {
  await using daemon = await startDaemon(["relay", ...NOBODY, "share-descriptors"]);
  const [child] = await childrenOf(daemon.pid);
  for (let i = 0; i < 3; i++) {
    const { found, unseen } = accomplicesOf(child);
    assertEquals(found.length + unseen.length, 1);
    assert([...found, ...unseen][0].includes(`process ${daemon.pid}`));
  }
});

testNeeding({ root: true }, "One that has the same terminal may be one", async () => {
  const isOff = systemSetting("dev/tty/legacy_tiocsti", "1") === "0";
  await using daemon = await startDaemon(["terminal", "fork", ...NOBODY, "end"]);
  const [child] = await childrenOf(daemon.pid);
  const name = `process ${daemon.pid} (daemon)`;
  assertEquals(accomplicesOf(child), {
    found: [],
    unseen: isOff
      ? []
      : [`it may type into the terminal of ${name}, which has another user (TIOCSTI)`],
  });
  await using apart = await startDaemon(["terminal", "fork", ...NOBODY, "setsid", "end"]);
  assertEquals(accomplicesOf((await childrenOf(apart.pid))[0]), { found: [], unseen: [] });
  await using same = await startDaemon([...NOBODY, "terminal", "fork", "end"]);
  assertEquals(accomplicesOf(same.pid), { found: [], unseen: [] });
});

testNeeding({ root: true }, "A process without privileges is no accomplice", async () => {
  await using daemon = await startDaemon([...NOBODY, "thread", "vfork", "end"]);
  assertEquals((await childrenOf(daemon.pid)).length, 1);
  assertEquals(accomplicesOf(daemon.pid), { found: [], unseen: [] });
});

testNeeding(
  { root: true, programs: { strace: "strace" } },
  "A process of root's that is traced is found, and one of nobody's is not",
  async () => {
    for (const [words, count] of [[[], 1], [NOBODY, 0]] as const) {
      await using daemon = await startDaemon(words);
      await using strace = await straceOn(daemon.pid);
      const found = accomplicesOf(strace.pid).found.filter((each) =>
        each.startsWith(`it traces process ${daemon.pid} `)
      );
      assertEquals(found.length, count);
      assertEquals(accomplicesOf(daemon.pid).found, []);
    }
  },
);

Deno.test("parseOtherThread() wants every line", () => {
  const status = "Name:\tx\nTracerPid:\t7\nUid:\t1\t1\t0\t1\nVmSize:\t1 kB\nCapPrm:\t0000\n";
  assertEquals(parseOtherThread(3, status), {
    tid: 3,
    name: "x",
    hasMemory: true,
    tracer: 7,
    isRoot: true,
    hasCapability: false,
  });
  for (const key of ["Name", "TracerPid", "Uid", "CapPrm"]) {
    const text = status.replace(new RegExp(`^${key}:.*\n`, "m"), "");
    assertThrows(() => parseOtherThread(3, text), Error, key);
  }
});

const accomplicesOf = (pid: number) => seeAccomplices(pid, seeDaemon(pid).sharers);

/** The children of a process, as soon as there are some. */
async function childrenOf(pid: number): Promise<number[]> {
  await until("it has a child", () => descendantsOf(pid).length > 0, 10_000);
  return descendantsOf(pid).map((child) => child.pid);
}
