/**
 * A child that stands still: every thread of every process that it has started, stopped by ptrace(2).
 *
 * While one thread runs it can start another, so the lists are read again until nothing new stands in
 * them.
 *
 * @module
 */

import { unlessGone } from "../../ffi/process/proc.ts";
import { StoppedThread } from "../../ffi/ptrace/stopped_thread.ts";
import { isKernelThread } from "../../ffi/ptrace/thread_state.ts";
import { ExperimentError } from "../evidence/errors.ts";
import { threadIds } from "./threads.ts";

/** How long one thread may take to stop, in milliseconds. */
const STOP_TIMEOUT = 2000;

/** How often the lists are read before the child is held to be making threads without end. */
const ROUNDS = 100;

/** How often a thread must have ended before that is believed. */
const ENDINGS_BELIEVED = 2;

/** Stops a child, and lets it go on at the end of its scope. */
export class StoppedChild implements Disposable {
  /** Those that can be asked, by thread id. */
  readonly threads = new Map<number, StoppedThread>();
  /** Threads of the kernel's that work for an io_uring, which never are in user mode. */
  readonly ringThreads = new Set<number>();
  /** The processes that the threads belong to. */
  processes: readonly number[] = [];
  /** How often each thread had ended when it was to be stopped. What has ended stays listed until somebody reaps it. */
  readonly #endings = new Map<number, number>();

  /**
   * Stops every thread of every process.
   *
   * @param list Lists the processes, the child first.
   * @throws {SystemError} `EPERM` where they may not be traced, or have a tracer; `ETIMEDOUT` if one does not stop.
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

  /** Stops what is not stopped; returns whether there was anything. */
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
   * Lets it go on.
   *
   * @throws What one of its threads throws, when all others have been let go.
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
