/** How long a worker's ring may go without a reader: the bound of SUPER-03. */

import { assertEquals } from "@std/assert";
import { parentOverrides } from "../../../../lib/experiments/supervisor/experiment.ts";
import {
  backlogAllowed,
  longestGap,
  rateOfOneRing,
} from "../../../../lib/experiments/supervisor/longest_gap.ts";

Deno.test("rateOfOneRing() is the whole rate where frames go by processor or by queue", () => {
  const rates = (["hash", "lb", "cpu", "qm"] as const).map((fanout) =>
    rateOfOneRing({ fanout, rate: 40_000, workers: 4, kills: 1 })
  );
  assertEquals(rates, [10_000, 10_000, 40_000, 40_000]);
});

Deno.test("longestGap() is limited by the blocks' timeout, and at high rates by their size", () => {
  const { ring } = parentOverrides;
  assertEquals(longestGap(ring, 1000), (ring.blockCount - 1) * ring.retireTimeout);
  assertEquals(longestGap(ring, 80_000), longestGap(ring, 40_000) / 2);
});

Deno.test("backlogAllowed() is what arrives in half of the gap, and never less than a burst", () => {
  assertEquals(backlogAllowed(8000, 1000), 4000);
  assertEquals(backlogAllowed(8000, 500), 2000);
  assertEquals([backlogAllowed(100, 1000), backlogAllowed(0, 1000)], [100, 100]);
});
