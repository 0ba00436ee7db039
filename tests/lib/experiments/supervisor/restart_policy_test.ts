import { assertEquals } from "@std/assert";
import {
  FAILURES_TOLERATED,
  RestartPolicy,
} from "../../../../lib/experiments/supervisor/restart_policy.ts";

const FAILED = false, WORKED = true;

Deno.test("RestartPolicy.afterEnd() replaces a worker that had progress at once, however often", () => {
  const policy = new RestartPolicy();
  for (let i = 0; i < 1000; i++) assertEquals(policy.afterEnd(WORKED), 0);
});

Deno.test("RestartPolicy.afterEnd() doubles the delay with each failure in a row, then gives up for good", () => {
  const policy = new RestartPolicy();
  const delays = Array.from({ length: FAILURES_TOLERATED + 2 }, () => policy.afterEnd(FAILED));
  assertEquals(delays, [50, 100, 200, 400, undefined, undefined, undefined]);
});

Deno.test("RestartPolicy.afterEnd() forgets failures after a worker that had progress", () => {
  const policy = new RestartPolicy();
  for (let round = 0; round < 3; round++) {
    assertEquals([policy.afterEnd(FAILED), policy.afterEnd(FAILED)], [50, 100]);
    assertEquals(policy.afterEnd(WORKED), 0);
  }
});
