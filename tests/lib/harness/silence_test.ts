/** When a child counts as silent: processes that sleep, are stopped, or compute without end. */

import { assert, assertEquals } from "@std/assert";
import { pause } from "../../support/pause.ts";
import { isAtRest as rests, processorUse, wasSilent } from "../../../lib/harness/silence.ts";

const used = (ran: number, queued = 0) => ({ ran, queued });
const TIMEOUT = 10_000;
const parent = used(300);
const isAtRest = () => false;

Deno.test("A child is silent after a second, and half of the time, in which it did nothing", () => {
  const child = used(100);
  assertEquals(wasSilent({ waited: 6000, timeout: TIMEOUT, parent, child, isAtRest }), true);
  assertEquals(
    wasSilent({ waited: 4000, timeout: TIMEOUT, parent, child, isAtRest }),
    false,
    "too early",
  );
  assertEquals(
    wasSilent({ waited: 900, timeout: 1000, parent, child, isAtRest }),
    false,
    "less than a second",
  );
});

Deno.test("A child that waits for a processor is excused, and so is one that is starting", () => {
  const wait = { waited: 6000, timeout: TIMEOUT, parent, isAtRest };
  assertEquals(wasSilent({ ...wait, child: used(100, 3000) }), false, "it was ready to run");
  assertEquals(
    wasSilent({ waited: 1200, timeout: 2000, parent, child: used(700), isAtRest }),
    false,
    "it starts",
  );
});

Deno.test("A child that computes without end is not excused", () => {
  for (const queued of [0, 5000]) {
    const child = used(1600, queued);
    assertEquals(wasSilent({ waited: 6000, timeout: TIMEOUT, parent, child, isAtRest }), true);
    const slow = { waited: 6000, timeout: TIMEOUT, parent: used(2000), child, isAtRest };
    assertEquals(wasSilent(slow), false, "on a slow machine it may still be starting");
  }
});

Deno.test("A child at rest is not excused by what it waited for before", () => {
  const wait = { waited: 6000, timeout: TIMEOUT, parent, child: used(100, 3000) };
  assertEquals(wasSilent({ ...wait, isAtRest: () => true }), true);
  assertEquals(wasSilent({ ...wait, waited: 900, isAtRest: () => true }), false, "too early");
});

const spawn = (script: string) =>
  new Deno.Command("sh", { args: ["-c", script], stdin: "null" }).spawn();

for (
  const [what, script, leastRan, mostRan] of [
    ["sleeps", "exec sleep 60", 0, 100],
    ["is stopped", "kill -STOP $$; sleep 60", 0, 100],
    ["computes", "while :; do :; done", 20, Infinity],
  ] as const
) {
  Deno.test(`processorUse() tells how long a process ran that ${what}`, async () => {
    const process = spawn(script);
    try {
      await pause(400);
      assertEquals(rests(process.pid), what !== "computes");
      const { ran, queued } = processorUse(process.pid);
      assert(ran >= leastRan && ran <= mostRan, `it ran for ${ran} ms`);
      assert(queued >= 0 && ran + queued < 60_000, `${ran} ms, ${queued} ms`);
    } finally {
      process.kill("SIGKILL");
      await process.status;
    }
  });
}

Deno.test("processorUse() of a process that is gone is zero", async () => {
  const process = spawn("exit 0");
  await process.status;
  assertEquals(processorUse(process.pid), { ran: 0, queued: 0 });
});
