/**
 * Ten million failing calls in four storms of signals. `STORM_CALLS` sets another total.
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
    `Each of ${calls} calls of a ${process} process gets its own errno in a storm of signals`,
    async () => {
      const seen = await errnosInStorm({ process, isCured: true, calls, pause: 0 });
      assertEquals(seen, { made: calls, wrong: {} });
    },
  );
}
