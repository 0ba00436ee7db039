/**
 * A helper for stopping the threads of a process that may call execve(2) meanwhile.
 *
 * execve(2) kills all other threads, and waits until they are reaped. One that is traced is reaped
 * by its tracer. PTRACE_SEIZE of another thread waits for the end of the execve, so a tracer that
 * calls it at that moment waits forever: ptrace(2), "execve(2) under ptrace". Any thread of the
 * tracer's process can reap, so a second one does while the first one waits.
 *
 * @module
 */

import { __WALL, P_PID, WEXITED, WNOHANG } from "../abi/constants.ts";

/** How long a step may last before ended threads are reaped, in milliseconds. */
const INTERVAL = 20;

/** The longest start of the second thread, in milliseconds. */
const START_TIMEOUT = 5000;

/** The indices of the shared words: three that both threads watch, and the thread ids. */
const READY = 0, END = 1, STEP = 2, COUNT = 3, TIDS = 4;

/** The most threads whose ids are shared. */
const MOST = 1 << 16;

// As text, because a bundle of this project has no other files.
const PROGRAM = `onmessage = ({ data }) => {
  const shared = new Int32Array(data);
  const libc = Deno.dlopen("libc.so.6", {
    waitid: { parameters: ["i32", "i32", "buffer", "i32"], result: "i32" },
  });
  const info = new Uint8Array(128);
  Atomics.store(shared, ${READY}, 1);
  Atomics.notify(shared, ${READY});
  for (let last = 0; Atomics.load(shared, ${END}) === 0;) {
    Atomics.wait(shared, ${END}, 0, ${INTERVAL});
    const step = Atomics.load(shared, ${STEP});
    if (step % 2 === 1 && step === last) {
      const count = Atomics.load(shared, ${COUNT});
      for (let i = 0; i < count; i++) {
        const tid = Atomics.load(shared, ${TIDS} + i);
        libc.symbols.waitid(${P_PID}, tid, info, ${WEXITED | WNOHANG | __WALL});
      }
    }
    last = step;
  }
  libc.close();
  close();
};`;

/** Reaps traced threads that have ended while a step lasts. */
export class Reaper implements Disposable {
  readonly #shared = new Int32Array(new SharedArrayBuffer(4 * (TIDS + MOST)));
  readonly #worker: Worker;

  /**
   * Starts the second thread, which takes some 20 ms.
   *
   * @throws {Error} If it does not start.
   */
  constructor() {
    const url = `data:text/javascript,${encodeURIComponent(PROGRAM)}`;
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.postMessage(this.#shared.buffer);
    if (Atomics.wait(this.#shared, READY, 0, START_TIMEOUT) === "timed-out") {
      this.#worker.terminate();
      throw new Error(`A thread did not start in ${START_TIMEOUT} ms`);
    }
  }

  /**
   * Adds a traced thread. It must not be the first thread of its process, whose end belongs to its
   * parent.
   */
  add(tid: number): void {
    const count = this.#shared[COUNT];
    if (count === MOST) return; // such a process is given up before
    Atomics.store(this.#shared, TIDS + count, tid);
    Atomics.store(this.#shared, COUNT, count + 1);
  }

  /** Runs a step that may wait for an execve(2). */
  during<T>(step: () => T): T {
    Atomics.add(this.#shared, STEP, 1);
    try {
      return step();
    } finally {
      Atomics.add(this.#shared, STEP, 1);
    }
  }

  /** Ends the second thread. */
  [Symbol.dispose](): void {
    Atomics.store(this.#shared, END, 1);
    Atomics.notify(this.#shared, END);
    this.#worker.terminate();
  }
}
