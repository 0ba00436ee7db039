/**
 * Ten million calls that fail, in four storms of signals. `STORM_CALLS` is the number of all of them together, where it is to be another.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { errnosInStorm } from "../lib/harness/errno_storm.ts";
import { testNeeding } from "../support/needs.ts";

const PROCESSES = ["listening", "refused", "plain", "hardened"] as const;
const calls = Number(Deno.env.get("STORM_CALLS") ?? 10_000_000) / PROCESSES.length;

for (const process of PROCESSES) {
  testNeeding(
    { root: true },
    `${calls} calls of a ${process} process have their own errno, in a storm of signals`,
    async () => {
      const seen = await errnosInStorm({ process, isCured: true, calls, pause: 0 });
      assertEquals(seen, { made: calls, wrong: {} });
    },
  );
}
