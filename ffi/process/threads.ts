/**
 * Threads of libc's own.
 *
 * @module
 */

import { sem_t } from "../abi/layouts.ts";
import { AnswerError, check, SystemError } from "../abi/errno.ts";
import { cString, libc } from "../abi/libc.ts";
import { addressOf } from "../abi/struct.ts";

// SAFETY: a thread looks at its semaphore, whose address it was given, until it ends: as long as there may be one, the object with the
// semaphore is held here.
const waiting = new Set<WaitingThreads>();

// And at the end of an isolate, which gives all of its memory back to the heap while the process goes on, they are let go.
globalThis.addEventListener("unload", () => waiting.forEach(letGo));

/** Who cannot be let go then ends with the process; nobody is left to be told. */
function letGo(threads: WaitingThreads): void {
  try {
    threads[Symbol.dispose]();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}

/**
 * Threads that do nothing but wait, for somebody who wants to see what a new thread is born with: they are there for as long as it takes
 * to look, on however slow a machine.
 *
 * The whole program of each is sem_wait(3): no JavaScript runs on them. A web worker must let them go before it ends, since nothing tells this
 * module of that end.
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
   * Starts them: pthread_create(3).
   *
   * @throws {SystemError} `EAGAIN` (RLIMIT_NPROC, memory), `EPERM` (a filter of system calls); none is left then.
   * @throws {AnswerError} If there is no thread for all that.
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

  /** Lets them end, and waits for that: sem_post(3), pthread_join(3). */
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

/** The pthread functions return the errno. */
function checkErrno(errno: number, name: string): void {
  if (errno !== 0) throw new SystemError(name, errno);
}
