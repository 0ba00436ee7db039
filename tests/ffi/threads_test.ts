import { assertEquals, assertThrows } from "@std/assert";
import { AnswerError, Errno, SystemError, WaitingThreads } from "../../ffi/mod.ts";
import { libc } from "../../ffi/libc.ts";

const threads = (): Set<string> =>
  new Set([...Deno.readDirSync("/proc/self/task")].map(({ name }) => name));

Deno.test("WaitingThreads are there until they are let go, and then no more", () => {
  const before = threads();
  let during: string[];
  {
    using _ = new WaitingThreads(3);
    during = [...threads().difference(before)];
    assertEquals(during.length >= 3, true, `${during.length} new threads`);
  }
  const left = during.filter((thread) => threads().has(thread));
  assertEquals(during.length - left.length >= 3, true, `${left.length} threads left`);
});

/** Of every two, the second thread is answered with this. */
function withSecondAnswered(answer: number, attempt: () => void): void {
  const { pthread_create } = libc;
  let calls = 0;
  const answering: typeof pthread_create = (...args) =>
    ++calls % 2 === 0 ? answer : pthread_create(...args);
  Object.defineProperty(libc, "pthread_create", { value: answering, configurable: true });
  try {
    attempt();
  } finally {
    Object.defineProperty(libc, "pthread_create", { value: pthread_create, configurable: true });
  }
}

Deno.test("WaitingThreads say why there are not so many, and leave none", () => {
  const attempt = () => new WaitingThreads(3);
  const before = threads();
  withSecondAnswered(Errno.EAGAIN, () => assertThrows(attempt, SystemError, "pthread_create"));
  withSecondAnswered(0, () => assertThrows(attempt, AnswerError, "no thread"));
  assertEquals([...threads().difference(before)], []);
});
