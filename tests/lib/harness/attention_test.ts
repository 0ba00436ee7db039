/** The time in which the parent watched, and the time in which it could not. */

import { assert } from "@std/assert";
import { sleep } from "../../../ffi/socket/poll.ts";
import { Attention } from "../../../lib/harness/attention.ts";
import { pause } from "../../support/pause.ts";

/** Waits, and returns how much of that counts; `undefined` if the machine itself stood still. */
async function watched(attention: Attention): Promise<number | undefined> {
  const start = performance.now();
  await pause(200);
  return performance.now() - start > 500 ? undefined : attention.since(start);
}

Deno.test("A time in which the parent is blocked does not count", async () => {
  using attention = new Attention();
  const start = performance.now();
  assert((await watched(attention) ?? 200) >= 190);

  const blocked = performance.now();
  sleep(1500);
  assert(performance.now() - blocked >= 1500);
  assert(attention.since(blocked) < 1000, `${attention.since(blocked)} ms are counted`);
  assert(attention.since(start) < 1500, "the time before the gap counts, and the gap does not");

  assert((await watched(attention) ?? 200) >= 190, "it watches again");
});
