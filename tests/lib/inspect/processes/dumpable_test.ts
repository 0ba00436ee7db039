/** Whether a process is dumpable agrees with what another process of its user may do. */

import { assertEquals } from "@std/assert";
import { seeDaemon } from "../../../../lib/inspect/daemon.ts";
import { startDaemon } from "../../../support/daemon.ts";
import { testNeeding } from "../../../support/needs.ts";
import { runProgram } from "../../../support/programs.ts";

const needs = { root: true, programs: { cc: "gcc", setpriv: "util-linux" } };
const NOBODY = ["groups=", "gid=65534", "uid=65534"];

/** Whether another process of nobody may read the environment, as only of a dumpable process. */
async function mayBeRead(pid: number): Promise<boolean> {
  const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
  const { code } = await runProgram("setpriv", [...nobody, "cat", `/proc/${pid}/environ`]);
  return code === 0;
}

for (const [words, isDumpable] of [[[], false], [["dumpable=1"], true]] as const) {
  testNeeding(needs, `A process of nobody is ${isDumpable ? "" : "not "}dumpable`, async () => {
    await using daemon = await startDaemon([...NOBODY, ...words]);
    assertEquals(seeDaemon(daemon.pid).shown.dumpable, isDumpable);
    assertEquals(await mayBeRead(daemon.pid), isDumpable);
  });
}

testNeeding(needs, "Of a process of root it cannot be told", async () => {
  for (const dumpable of [0, 1]) {
    await using daemon = await startDaemon([`dumpable=${dumpable}`]);
    assertEquals(seeDaemon(daemon.pid).shown.dumpable, null);
  }
});

testNeeding(
  needs,
  "Of a process in a user namespace it is told, unless it is root there",
  async () => {
    await using inside = await startDaemon([...NOBODY, "dumpable=1", "unshare=0x10000000"]);
    assertEquals(seeDaemon(inside.pid).shown.dumpable, true);
    // Its user 0 is the machine's nobody, who would own its files either way.
    await Deno.writeTextFile(`/proc/${inside.pid}/uid_map`, "0 65534 1");
    assertEquals(seeDaemon(inside.pid).shown.dumpable, null);
  },
);
