/**
 * Stopped processes: ptrace(2) stops every thread of each.
 *
 * A thread that still runs can start another, so the lists are read again until they show nothing
 * new.
 *
 * @module
 */

import { unlessGone } from "../../../ffi/process/proc.ts";
import { StoppedThread } from "../../../ffi/ptrace/stopped_thread.ts";
import { isKernelThread } from "../../../ffi/ptrace/thread_state.ts";
import { ExperimentError } from "../../evidence/errors.ts";
import { threadIds } from "../threads/threads.ts";

/** How long processes may take to stop, and what happens if they do not. */
export interface StopBounds {
  /** Stops a thread: {@linkcode StoppedThread.stop}. */
  stop(tid: number, meanwhile: () => void): StoppedThread | undefined;
  /** Lists the threads of a process. Throws if there are too many. */
  threadIds(pid: number): number[];
  /** The error for processes that start threads without end. */
  endless(): Error;
  /** Called with each thread as soon as it stands still. */
  onStop?(thread: StoppedThread): void;
}

/** The bounds for a child of this process. */
const OF_A_CHILD: StopBounds = {
  stop: (tid, meanwhile) => StoppedThread.stop(tid, 2000, meanwhile),
  threadIds,
  endless: () => new ExperimentError("The child starts threads without end"),
};

/** How often the lists are read before the processes count as starting threads without end. */
const ROUNDS = 100;

/** How often a thread must be found ended before that is believed. */
const ENDINGS_BELIEVED = 2;

/** Stops processes, and lets them continue at the end of the scope. */
export class StoppedProcesses implements Disposable {
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
   * @param list Lists the processes, the first one first.
   * @param bounds Those of a child of this process, by default.
   * @throws {SystemError} `EPERM` without permission to trace them, or if they have a tracer;
   * `ETIMEDOUT` if a thread does not stop; `ESRCH` if a process has executed a program meanwhile.
   * @throws {ExperimentError} If children start threads or processes faster than they can be
   * stopped, or whatever `bounds` throws.
   */
  constructor(list: () => readonly number[], bounds: StopBounds = OF_A_CHILD) {
    try {
      for (let round = 0; this.#stopNew(list(), bounds); round++) {
        if (round === ROUNDS) throw bounds.endless();
      }
      for (const thread of this.threads.values()) thread.checkStopped();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Stops the threads that are not stopped yet. Returns whether there were any. */
  #stopNew(processes: readonly number[], bounds: StopBounds): boolean {
    this.processes = processes;
    const isNew = (tid: number) =>
      !this.threads.has(tid) && !this.ringThreads.has(tid) &&
      (this.#endings.get(tid) ?? 0) < ENDINGS_BELIEVED;
    const found = processes.flatMap((pid) => unlessGone(() => bounds.threadIds(pid)) ?? [])
      .filter(isNew);
    for (const tid of found) {
      if (isKernelThread(tid)) {
        this.ringThreads.add(tid);
        continue;
      }
      const thread = bounds.stop(tid, () => this.#reapEnded());
      if (thread === undefined) {
        this.#endings.set(tid, (this.#endings.get(tid) ?? 0) + 1);
        continue;
      }
      this.threads.set(tid, thread);
      bounds.onStop?.(thread);
    }
    return found.length > 0;
  }

  /** Reaps the threads that have ended, for which an execve(2) of their process waits. */
  #reapEnded(): void {
    for (const [tid, thread] of this.threads) {
      if (!this.processes.includes(tid)) thread.reapIfEnded();
    }
  }

  /**
   * Lets the processes continue.
   *
   * @throws The error of a thread that cannot be released, after all others have been.
   */
  [Symbol.dispose](): void {
    using threads = new DisposableStack();
    for (const thread of this.threads.values()) threads.use(thread);
    this.threads.clear();
  }
}
