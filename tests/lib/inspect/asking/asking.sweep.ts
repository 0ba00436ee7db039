/** Asking daemons of many threads. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Errno } from "../../../../ffi/mod.ts";
import { CannotLook } from "../../../../lib/evidence/errors.ts";
import { askDaemon } from "../../../../lib/inspect/asking/asking.ts";
import { seeDaemon } from "../../../../lib/inspect/daemon.ts";
import { startDaemon } from "../../../support/daemon.ts";
import { testNeeding } from "../../../support/needs.ts";

for (const count of [300, 1000, 5000]) {
  testNeeding(
    { root: true, programs: { cc: "gcc" } },
    `askDaemon() asks ${count} threads, or says that it would take too long`,
    async () => {
      await using daemon = await startDaemon([
        ...["groups=", "gid=65534", "uid=65534", `threads=${count - 1}`],
      ]);
      const before = seeDaemon(daemon.pid);
      const began = performance.now();
      try {
        const { threads } = askDaemon(before);
        assertEquals(threads.length, count);
        for (const { asItIs } of threads) assertEquals(asItIs.setresuid, Errno.EPERM);
      } catch (error) {
        if (!(error instanceof CannotLook)) throw error;
        assertMatch(error.message, /would stand still for more than 2 s$/);
      }
      const took = performance.now() - began; // with the look before and the release after it
      assert(took < 10_000, `${took}`);
      for (let i = 0; i < 3; i++) await daemon.run("threads=1"); // it goes on
    },
  );
}
