/** The daemon of the tests does what its words name, and is gone at the end of the scope. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { openDescriptors } from "../../ffi/mod.ts";
import { threadCredentials } from "../../lib/inspect/threads/threads.ts";
import { startDaemon } from "./daemon.ts";
import { testNeeding } from "./needs.ts";

const needs = { root: true, programs: { cc: "gcc" } };
const NOBODY = ["groups=", "gid=65534", "uid=65534"];

testNeeding(needs, "startDaemon() keeps a capability on one thread alone", async () => {
  const loose = ["keep-capabilities", ...NOBODY, "capabilities=0x2000,0x2000,0"];
  await using daemon = await startDaemon(["packet=1", "thread", ...loose, "end", ...NOBODY]);
  const threads = threadCredentials(daemon.pid);
  assertEquals(threads.map(({ uids }) => uids[1]), [65534, 65534]);
  assertEquals(threads.map(({ capabilities }) => parseInt(capabilities.CapEff, 16)), [0, 0x2000]);
  assert(openDescriptors(daemon.pid).get(3)?.startsWith("socket:"));
});

testNeeding(needs, "startDaemon() runs more words later, and names one that fails", async () => {
  let pid: number;
  {
    await using daemon = await startDaemon(NOBODY);
    pid = daemon.pid;
    await daemon.run("threads=3", "thread", "unshare=0x400", "end");
    assertEquals(threadCredentials(pid).length, 5);
    await daemon.run("execute");
    assertEquals(threadCredentials(pid).length, 1);
    await assertRejects(() => daemon.run("packet"), Error, "packet: Operation not permitted");
  }
  await assertRejects(() => Deno.stat(`/proc/${pid}`), Deno.errors.NotFound);
  await assertRejects(() => startDaemon(["nonsense"]), Error, "nonsense: Invalid argument");
});
