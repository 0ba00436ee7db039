/** A wall clock that is set forward in mid-run neither ends a run nor changes its verdict. */

import { assert, assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { setClockForward } from "../support/set_clock_forward.ts";
import { pause } from "../support/pause.ts";

const RUN = [Deno.execPath(), "run", "-A", "tests/support/clock_set_run.ts", "--json"];

testNeeding({ root: true }, "A clock that is set forward in mid-run: PASS", async () => {
  const outcome = await inNamespace([...RUN, "-t", "30", "veth-fdpass"]);
  const { verdict, experiments: [{ duration_ms }] } = evidenceIn(outcome);
  assertEquals([verdict, outcome.code], ["PASS", 0]);
  assert(duration_ms < 30_000, `it took ${duration_ms} ms`);
});

Deno.test("setClockForward() sets the clock forward by an hour", async () => {
  const real = Date.now;
  try {
    setClockForward();
    const before = Date.now();
    await pause(200);
    assert(Date.now() - before > 3_600_000);
  } finally {
    Date.now = real;
  }
});
