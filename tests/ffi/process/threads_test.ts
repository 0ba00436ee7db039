import { assert, assertEquals, assertThrows } from "@std/assert";
import { AnswerError, Errno, SystemError, WaitingThreads } from "../../../ffi/mod.ts";
import { withLibc } from "../failing.ts";
import { command, resultOf } from "../programs.ts";
import { ended, threads } from "./tasks.ts";

Deno.test("WaitingThreads exist until they are released", () => {
  const before = threads();
  let during: Set<string>;
  {
    using _ = new WaitingThreads(3);
    during = threads().difference(before);
    assert(during.size >= 3, `${during.size} new threads`);
  }
  assert(ended(during, 3) >= 3);
});

Deno.test("WaitingThreads stay referenced until they are released, at the latest at the end of the isolate", async () => {
  assertEquals(
    await resultOf(command("ffi/process/programs/threads_held.ts", [], ["--v8-flags=--expose-gc"])),
    {
      waiting: true,
      released: false,
      enough: true,
      ended: true,
    },
  );
});

/** Runs a step in which every second pthread_create() returns `result`. */
function withSecondReturning(result: number, step: () => void): void {
  let calls = 0;
  withLibc(
    "pthread_create",
    (real) => (...args) => ++calls % 2 === 0 ? result : real(...args),
    step,
  );
}

Deno.test("WaitingThreads throws if a thread cannot be started, and leaves none", () => {
  const attempt = () => new WaitingThreads(3);
  const before = threads();
  withSecondReturning(Errno.EAGAIN, () => assertThrows(attempt, SystemError, "pthread_create"));
  withSecondReturning(0, () => assertThrows(attempt, AnswerError, "no thread"));
  const left = threads().difference(before);
  assertEquals(ended(left), left.size);
});
