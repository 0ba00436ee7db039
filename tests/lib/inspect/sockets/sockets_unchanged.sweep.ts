/** A thousand looks at a socket: see sockets_unchanged.ts and under_load.ts. */

import { assert, assertEquals } from "@std/assert";
import { testNeeding } from "../../../support/needs.ts";
import { lookedAt } from "./sockets_unchanged.ts";
import { underLoad } from "../under_load.ts";

const NEEDS = { root: true, programs: { cc: "gcc" } };

testNeeding(NEEDS, "A thousand looks change nothing, and lose no frame", async () => {
  assertEquals(await lookedAt(1000), { sent: 1000, counted: 1000, dropped: 0, read: 1000 });
});

testNeeding(NEEDS, "A reader under load loses no frame during a thousand looks", async () => {
  const { sent, read, dropped, held } = await underLoad(1000);
  assert(sent >= 1000, `${sent} frames`);
  assertEquals([read, dropped, held], [sent, 0, 1000]);
});
