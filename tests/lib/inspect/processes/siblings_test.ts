/** The siblings of a process are those of its user, dumpable or not, and no others. */

import { assertEquals } from "@std/assert";
import { seeDaemon } from "../../../../lib/inspect/daemon.ts";
import { startDaemon } from "../../../support/daemon.ts";
import { testNeeding } from "../../../support/needs.ts";

testNeeding(
  { root: true, programs: { cc: "gcc" } },
  "seeSiblings() tells the processes of the same user apart",
  async () => {
    await using daemon = await startDaemon(["uid=4711"]);
    await using dumpable = await startDaemon(["uid=4711", "dumpable=1"]);
    await using undumpable = await startDaemon(["uid=4711"]);
    await using _another = await startDaemon(["uid=4712", "dumpable=1"]);
    // With root as its saved user it may be traced by root alone.
    await using _partly = await startDaemon(["uids=4711,4711,0", "dumpable=1"]);
    assertEquals(seeDaemon(daemon.pid).siblings, {
      dumpable: [dumpable.pid],
      undumpable: [undumpable.pid],
    });
  },
);
