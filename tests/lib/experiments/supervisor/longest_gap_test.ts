/** How long nobody may serve a worker's ring, as SUPER-03 wants it. */

import { assertEquals } from "@std/assert";
import {
  longestGap,
  parentOverrides,
  rateOfOneRing,
} from "../../../../lib/experiments/supervisor/experiment.ts";

Deno.test("rateOfOneRing() is all where frames go by processor or queue, which may be one", () => {
  const rates = (["hash", "lb", "cpu", "qm"] as const).map((fanout) =>
    rateOfOneRing({ fanout, rate: 40_000, workers: 4, kills: 1 })
  );
  assertEquals(rates, [10_000, 10_000, 40_000, 40_000]);
});

Deno.test("longestGap() is that of blocks that wait, or are full before that", () => {
  const { ring } = parentOverrides;
  assertEquals(longestGap(ring, 1000), (ring.blockCount - 1) * ring.retireTimeout);
  assertEquals(longestGap(ring, 80_000), longestGap(ring, 40_000) / 2);
});
