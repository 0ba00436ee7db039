/**
 * Asking a daemon: a process that is not ours, that runs on afterwards, and that may be hostile.
 *
 * Theory of operation. Every thread is stopped. Then each one's credentials and filters are read,
 * and questions are put to it that the kernel will refuse by these credentials (`safe_questions.ts`
 * says which). A question goes through the thread's filters only if an interpreter finds that they
 * allow the call or refuse it with an errno. Any other answer (a signal, the end of the process, a
 * message to a supervisor) would disturb the daemon. Each is also put beneath the filters, where
 * the credentials alone answer. Then the threads continue.
 *
 * A stop interrupts the call in which a thread sleeps. The kernel makes it again, some by
 * restart_syscall(2), and the thread's filters apply to that. If they do not allow it, the call
 * returns EINTR instead: a filter must not end the daemon because it was stopped.
 *
 * If this process is killed while a thread answers, the kernel releases the thread in mid-question,
 * with the registers of the question.
 *
 * @module
 */

import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import { readDirectory, readLink, readTextFile } from "../../../ffi/process/file.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import { sleep } from "../../../ffi/socket/poll.ts";
import { StoppedThread } from "../../../ffi/ptrace/stopped_thread.ts";
import { cannotStop, is32Bit, tracerOf } from "../../../ffi/ptrace/thread_state.ts";
import { CannotLook, errorsIn } from "../../evidence/errors.ts";
import { Questions } from "./put_questions.ts";
import { haveSameCredentials, type RootIds, rootIn } from "./safe_questions.ts";
import { type StopBounds, StoppedProcesses } from "./stopped.ts";
import type { AskedDaemon, AskedThread, SeenDaemon } from "../subject.ts";
import { abandonRefusedCall, FilterReader } from "./thread_filters.ts";
import { parseStatus, type ThreadCredentials } from "../threads/threads.ts";

/** The longest wait until no thread waits in the kernel, before any is stopped, in milliseconds. */
const WAIT = 1000;

/** The longest wait for a thread to stop, and later to answer, in milliseconds. */
const PATIENCE = 500;

/** How often a daemon is stopped if it executes a program meanwhile, and the pause in between. */
const ATTEMPTS = 5, PAUSE = 10;

/** The longest time for which a daemon stands still, in milliseconds. */
const STANDSTILL = 2000;

/**
 * Stops a daemon, asks its threads, and lets it continue. What it does otherwise does not change,
 * except that a call in which it sleeps may return EINTR: signal(7).
 *
 * @param daemon As it was seen before. Credentials are read again.
 * @throws {CannotLook} If it cannot be stopped or asked: it has a tracer, CAP_SYS_PTRACE is
 * missing, it is a 32-bit program, a thread waits in the kernel, it would stand still for too long,
 * or it has ended. It has been released.
 */
export function askDaemon(daemon: SeenDaemon): AskedDaemon {
  const { pid } = daemon;
  if (is32Bit(pid)) throw cannotAsk(pid, "it runs a 32-bit program");
  if (!canStopSoon(pid)) throw cannotAsk(pid, DOES_NOT_STOP);
  for (let attempt = 1;; attempt++) {
    try {
      return askStopped(daemon);
    } catch (error) {
      StoppedThread.releaseSuccessor(pid, PATIENCE);
      const [cause] = errorsIn(error); // others are of threads that could not be released
      if (!(cause instanceof SystemError)) throw cause;
      if (attempt === ATTEMPTS || !mayHaveExecuted(pid, cause)) {
        throw cannotAsk(pid, describe(pid, cause));
      }
      sleep(PAUSE);
    }
  }
}

/** Waits until no thread of a process waits in the kernel, but not for long. */
function canStopSoon(pid: number): boolean {
  for (const deadline = performance.now() + WAIT; performance.now() < deadline; sleep(1)) {
    const tids = unlessGone(() => readDirectory(`/proc/${pid}/task`)) ?? [];
    if (!tids.some((tid) => cannotStop(Number(tid)))) return true;
  }
  return false;
}

/** Whether a thread could not be stopped because execve(2) ended it, or gave it another id. */
function mayHaveExecuted(pid: number, { errno }: SystemError): boolean {
  return errno === Errno.ESRCH || errno === Errno.EPERM && tracerOfAny(pid) === undefined;
}

function askStopped(daemon: SeenDaemon): { threads: AskedThread[]; stopped: number } {
  const { pid } = daemon;
  const began = performance.now();
  const checkTime = () => {
    if (performance.now() < began + STANDSTILL) return;
    throw cannotAsk(pid, `it would stand still for more than ${STANDSTILL / 1000} s`);
  };
  const filters = new FilterReader();
  const asking = new Asking(daemon, filters);
  const bounds: StopBounds = {
    threadIds: (pid) => readDirectory(`/proc/${pid}/task`).map(Number),
    stop: (tid, meanwhile) => {
      checkTime();
      return StoppedThread.stop(tid, PATIENCE, meanwhile);
    },
    // At once: whatever happens to another thread, this one must not end when it is released.
    onStop: (thread) => spare(pid, thread, filters),
    endless: () => cannotAsk(pid, "it starts threads without end"),
  };
  const threads: AskedThread[] = [];
  {
    using stopped = new StoppedProcesses(() => [pid], bounds);
    if (stopped.threads.size === 0) throw cannotAsk(pid, "it has ended");
    for (const thread of stopped.threads.values()) {
      checkTime();
      threads.push(...asking.ask(thread));
      thread.settle();
    }
    for (const tid of stopped.ringThreads) threads.push(...asking.kernelThread(tid));
  }
  return { threads, stopped: performance.now() - began };
}

/** Keeps a thread that was just stopped from being ended by its filters when it continues. */
function spare(pid: number, thread: StoppedThread, filters: FilterReader): void {
  if (thread.repeatedCall() === undefined) return;
  const credentials = credentialsOf(pid, thread.tid);
  if (credentials !== undefined) abandonRefusedCall(thread, filters.read(thread, credentials));
}

function credentialsOf(pid: number, tid: number): ThreadCredentials | undefined {
  const status = unlessGone(() => readTextFile(`/proc/${pid}/task/${tid}/status`));
  return status === undefined ? undefined : parseStatus(tid, status);
}

/** The questions to the stopped threads of one daemon. */
class Asking {
  readonly #before: ReadonlyMap<number, ThreadCredentials>;
  readonly #roots = new Map<string, RootIds>();

  constructor(readonly daemon: SeenDaemon, readonly filters: FilterReader) {
    this.#before = new Map(daemon.threads.map((thread) => [thread.tid, thread]));
  }

  /** Asks one thread; nothing if it has ended. */
  ask(thread: StoppedThread): AskedThread[] {
    const { tid } = thread;
    const { pid } = this.daemon;
    const credentials = credentialsOf(pid, tid);
    if (credentials === undefined) return [];
    const filters = this.filters.read(thread, credentials);
    abandonRefusedCall(thread, filters); // filters installed by another thread since it stopped
    const questions = new Questions(thread, filters, {
      credentials,
      root: this.#rootOf(tid),
      netRaw: this.#netRawOf(credentials),
    });
    return [{
      tid,
      credentials,
      filters: filters.programs,
      asItIs: questions.askThroughFilters(),
      ...questions.askBeneathFilters(tid === pid),
      notAsked: questions.notAsked,
    }];
  }

  /** A kernel thread of an io_uring, which has credentials and cannot be asked. */
  kernelThread(tid: number): AskedThread[] {
    const credentials = credentialsOf(this.daemon.pid, tid);
    if (credentials === undefined) return [];
    const notAsked = ["It is a kernel thread of an io_uring, which makes no system calls"];
    const nothing = {
      filters: [],
      asItIs: {},
      beneath: {},
      parentDeathSignal: undefined,
      usedRing: undefined,
    };
    return [{ tid, credentials, notAsked, ...nothing }];
  }

  /**
   * What was known of CAP_NET_RAW before the thread was stopped: undefined if its credentials have
   * changed since. A thread that is new is like another one with its credentials and namespace.
   */
  #netRawOf(now: ThreadCredentials): boolean | undefined {
    const { pid, threads, netRaw } = this.daemon;
    const before = this.#before.get(now.tid);
    if (before !== undefined) {
      return haveSameCredentials(before, now) ? netRaw.get(now.tid) : undefined;
    }
    const namespaceOf = (tid: number) =>
      unlessGone(() => readLink(`/proc/${pid}/task/${tid}/ns/net`));
    const namespace = namespaceOf(now.tid);
    const twin = threads.find((other) =>
      haveSameCredentials(other, now) && namespaceOf(other.tid) === namespace
    );
    return twin === undefined ? undefined : netRaw.get(twin.tid);
  }

  #rootOf(tid: number): RootIds {
    const folder = `/proc/${this.daemon.pid}/task/${tid}`;
    try {
      const link = readLink(`${folder}/ns/user`);
      return this.#roots.getOrInsertComputed(link, () => {
        if (link === readLink("/proc/self/ns/user")) return { uid: 0, gid: 0 };
        const root = (kind: "uid" | "gid") => rootIn(readTextFile(`${folder}/${kind}_map`));
        return { uid: root("uid"), gid: root("gid") };
      });
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return { uid: undefined, gid: undefined };
    }
  }
}

function cannotAsk(pid: number, reason: string): CannotLook {
  return new CannotLook(`Cannot ask process ${pid}: ${reason}`);
}

const DOES_NOT_STOP = "a thread does not stop: it waits in the kernel, for a disk or in vfork(2)";

/** Describes why the threads cannot be stopped. */
function describe(pid: number, error: SystemError): string {
  if (error.errno === Errno.ETIMEDOUT) return DOES_NOT_STOP;
  if (error.errno === Errno.ESRCH) return `it executes programs or ends (${error.message})`;
  if (error.errno !== Errno.EPERM) return error.message;
  if (pid === Deno.pid) return `${error.message}: a process cannot trace itself`;
  const tracer = tracerOfAny(pid);
  return tracer === undefined
    ? `${error.message}: CAP_SYS_PTRACE is missing, or a security module forbids it`
    : `${error.message}: process ${tracer} traces it already, such as gdb or strace`;
}

/** The thread that traces one of its threads: the first of its process, usually. */
function tracerOfAny(pid: number): number | undefined {
  const tids = unlessGone(() => readDirectory(`/proc/${pid}/task`)) ?? [];
  return tids.map((tid) => tracerOf(Number(tid))).find((tracer) => tracer !== 0);
}
