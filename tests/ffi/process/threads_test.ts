import { assert, assertEquals, assertThrows } from "@std/assert";
import { AnswerError, Errno, SystemError, WaitingThreads } from "../../../ffi/mod.ts";
import { withLibc } from "../failing.ts";
import { command, resultOf } from "../programs.ts";
import { ended, threads } from "./tasks.ts";

Deno.test("WaitingThreads are there until they are let go, and then no more", () => {
  const before = threads();
  let during: Set<string>;
  {
    using _ = new WaitingThreads(3);
    during = threads().difference(before);
    assert(during.size >= 3, `${during.size} new threads`);
  }
  assert(ended(during, 3) >= 3);
});

Deno.test("WaitingThreads are held until they are let go, at the end of the isolate too", async () => {
  assertEquals(
    await resultOf(command("ffi/process/programs/threads_held.ts", [], ["--v8-flags=--expose-gc"])),
    {
      waiting: true,
      letGo: false,
      enough: true,
      ended: true,
    },
  );
});

/** Every second pthread_create() fails with this. */
function withSecondAnswered(answer: number, attempt: () => void): void {
  let calls = 0;
  withLibc(
    "pthread_create",
    (real) => (...args) => ++calls % 2 === 0 ? answer : real(...args),
    attempt,
  );
}

Deno.test("WaitingThreads say why there are not so many, and leave none", () => {
  const attempt = () => new WaitingThreads(3);
  const before = threads();
  withSecondAnswered(Errno.EAGAIN, () => assertThrows(attempt, SystemError, "pthread_create"));
  withSecondAnswered(0, () => assertThrows(attempt, AnswerError, "no thread"));
  const left = threads().difference(before);
  assertEquals(ended(left), left.size);
});
