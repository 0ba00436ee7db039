/**
 * Threads that libc starts, without JavaScript.
 *
 * @module
 */

import { sem_t } from "../abi/layouts.ts";
import { AnswerError, check, SystemError } from "../abi/errno.ts";
import { cString, libc } from "../abi/libc.ts";
import { addressOf } from "../abi/struct.ts";

// SAFETY: a thread holds the address of its semaphore until it ends. While such a thread may exist,
// the object with the semaphore is referenced here.
const waiting = new Set<WaitingThreads>();

// Threads are released at the end of an isolate too, because its memory then returns to the heap
// while the process continues.
globalThis.addEventListener("unload", () => waiting.forEach(release));

/** A thread that cannot be released ends with the process; no caller is left to report that to. */
function release(threads: WaitingThreads): void {
  try {
    threads[Symbol.dispose]();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}

/**
 * Threads that only wait, for tests of the attributes that a new thread inherits. They exist until
 * they are released, however long a test takes.
 *
 * Each executes nothing but sem_wait(3); no JavaScript runs on them. A web worker must release them
 * before it ends, because this module gets no notice of that end.
 *
 * ```ts
 * import { WaitingThreads } from "./threads.ts";
 *
 * using _threads = new WaitingThreads(4);
 * console.log([...Deno.readDirSync("/proc/self/task")].length); // 4 more than before
 * ```
 */
export class WaitingThreads implements Disposable {
  readonly #semaphore = new Uint8Array(sem_t.size);
  readonly #threads: bigint[] = [];

  /**
   * Starts the threads: pthread_create(3).
   *
   * @throws {SystemError} `EAGAIN` (RLIMIT_NPROC, memory), `EPERM` (a filter of system calls); no
   * thread is left then.
   * @throws {AnswerError} If the call reports success and there is no thread.
   */
  constructor(count: number) {
    check(libc.sem_init(this.#semaphore, 0, 0), "sem_init");
    waiting.add(this);
    const program = libc.dlsym(null, cString("sem_wait")); // NULL is RTLD_DEFAULT
    const argument = addressOf(this.#semaphore);
    try {
      for (let i = 0; i < count; i++) this.#threads.push(startThread(program, argument));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Releases the threads and waits for their end: sem_post(3), pthread_join(3). */
  [Symbol.dispose](): void {
    const threads = this.#threads.splice(0);
    for (const _ of threads) check(libc.sem_post(this.#semaphore), "sem_post");
    for (const thread of threads) checkErrno(libc.pthread_join(thread, null), "pthread_join");
    waiting.delete(this);
  }
}

function startThread(program: Deno.PointerValue, argument: bigint): bigint {
  const thread = new BigUint64Array(1);
  checkErrno(libc.pthread_create(thread, null, program, argument), "pthread_create");
  if (thread[0] === 0n) throw new AnswerError("pthread_create", "no thread");
  return thread[0];
}

/** The pthread functions return their error number. */
function checkErrno(errno: number, name: string): void {
  if (errno !== 0) throw new SystemError(name, errno);
}
