import { assertEquals, assertThrows } from "@std/assert";
import { Errno, SystemError } from "../../../ffi/mod.ts";
import { retryWhileFull } from "../../../lib/packets/send.ts";

/** A step that fails this often, and counts its calls. */
function failing(times: number, error: Error) {
  const step = { calls: 0, take: () => void 0 as void };
  step.take = () => {
    if (step.calls++ < times) throw error;
  };
  return step;
}

const FULL = new SystemError("sendto", Errno.ENOBUFS, "Cannot send");

Deno.test("retryWhileFull() repeats a step that fails with ENOBUFS until it succeeds", () => {
  for (const times of [0, 1, 7]) {
    const step = failing(times, FULL);
    retryWhileFull(step.take);
    assertEquals(step.calls, times + 1);
  }
});

Deno.test("retryWhileFull() throws ENOBUFS after all attempts, and takes no more", () => {
  const step = failing(Infinity, FULL);
  assertThrows(() => retryWhileFull(step.take, 5), SystemError, "ENOBUFS");
  assertEquals(step.calls, 5);
});

Deno.test("retryWhileFull() succeeds at its last attempt", () => {
  const step = failing(4, FULL);
  retryWhileFull(step.take, 5);
  assertEquals(step.calls, 5);
});

Deno.test("retryWhileFull() throws any other error at once", () => {
  for (
    const error of [
      new SystemError("sendto", Errno.ENETDOWN, "Cannot send"),
      new SystemError("sendto", Errno.EAGAIN, "Cannot send"),
      new TypeError("not the system's"),
    ]
  ) {
    const step = failing(1, error);
    assertThrows(() => retryWhileFull(step.take), error.constructor as ErrorConstructor);
    assertEquals(step.calls, 1);
  }
});
