/**
 * A stopped child: ptrace(2) stops every thread of every process that it has started.
 *
 * A thread that still runs can start another, so the lists are read again until they show nothing
 * new.
 *
 * @module
 */

import { unlessGone } from "../../ffi/process/proc.ts";
import { StoppedThread } from "../../ffi/ptrace/stopped_thread.ts";
import { isKernelThread } from "../../ffi/ptrace/thread_state.ts";
import { ExperimentError } from "../evidence/errors.ts";
import { threadIds } from "./threads.ts";

/** The longest wait for a thread to stop, in milliseconds. */
const STOP_TIMEOUT = 2000;

/** How often the lists are read before the child counts as starting threads without end. */
const ROUNDS = 100;

/** How often a thread must be found ended before that is believed. */
const ENDINGS_BELIEVED = 2;

/** Stops a child, and lets it continue at the end of the scope. */
export class StoppedChild implements Disposable {
  /** The threads that can be asked, by thread id. */
  readonly threads = new Map<number, StoppedThread>();
  /** The kernel threads that work for an io_uring. They are never in user mode. */
  readonly ringThreads = new Set<number>();
  /** The processes of the threads. */
  processes: readonly number[] = [];
  /**
   * How often each thread was found ended. A thread that has ended stays listed until it is reaped.
   */
  readonly #endings = new Map<number, number>();

  /**
   * Stops every thread of every process.
   *
   * @param list Lists the processes, the child first.
   * @throws {SystemError} `EPERM` without permission to trace them, or if they have a tracer;
   * `ETIMEDOUT` if a thread does not stop.
   * @throws {ExperimentError} If they start threads or processes faster than they can be stopped.
   */
  constructor(list: () => readonly number[]) {
    try {
      for (let round = 0; this.#stopNew(list()); round++) {
        if (round === ROUNDS) throw new ExperimentError("The child starts threads without end");
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Stops the threads that are not stopped yet. Returns whether there were any. */
  #stopNew(processes: readonly number[]): boolean {
    this.processes = processes;
    const isNew = (tid: number) =>
      !this.threads.has(tid) && !this.ringThreads.has(tid) &&
      (this.#endings.get(tid) ?? 0) < ENDINGS_BELIEVED;
    const found = processes.flatMap((pid) => threadsUnlessGone(pid)).filter(isNew);
    for (const tid of found) {
      if (isKernelThread(tid)) {
        this.ringThreads.add(tid);
        continue;
      }
      const thread = StoppedThread.stop(tid, STOP_TIMEOUT);
      if (thread !== undefined) this.threads.set(tid, thread);
      else this.#endings.set(tid, (this.#endings.get(tid) ?? 0) + 1);
    }
    return found.length > 0;
  }

  /**
   * Lets the child continue.
   *
   * @throws The error of a thread that cannot be released, after all others have been.
   */
  [Symbol.dispose](): void {
    using threads = new DisposableStack();
    for (const thread of this.threads.values()) threads.use(thread);
    this.threads.clear();
  }
}

function threadsUnlessGone(pid: number): number[] {
  return unlessGone(() => threadIds(pid)) ?? [];
}
