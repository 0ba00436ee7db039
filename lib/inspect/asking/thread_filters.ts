/**
 * The filters of system calls of a stopped thread, and the calls that they let one make without
 * harm.
 *
 * @module
 */

import { SystemError } from "../../../ffi/abi/errno.ts";
import type { StoppedThread } from "../../../ffi/ptrace/stopped_thread.ts";
import { isNative, type ThreadCall } from "../../../ffi/ptrace/thread_call.ts";
import { type FilterAnswer, filterEvaluator } from "../../../ffi/seccomp/evaluate.ts";
import { syscallNumber } from "../../../ffi/abi/syscalls.ts";
import type { ThreadCredentials } from "../threads/threads.ts";

/** `Seccomp` in /proc/TID/status. Source: proc_pid_status(5). */
const MODE = { none: 0, strict: 1, filter: 2 } as const;

/** What the filters would do with a call, in words. */
const CONSEQUENCES: Partial<Record<FilterAnswer["action"], string>> = {
  "kill-process": "they end the process for it",
  "kill-thread": "they end the thread for it",
  trap: "they answer it with a signal",
  notify: "they leave it to a supervisor",
  trace: "they leave it to a tracer",
};

/** The actions by which a call is made as if there were no filter. */
const HARMLESS: readonly FilterAnswer["action"][] = ["allow", "log"];

/** The filters of a thread. */
export interface ThreadFilters {
  /** The programs, the oldest first. */
  readonly programs: readonly Uint8Array<ArrayBuffer>[];
  /** Why they cannot be read; undefined if they can. */
  readonly unreadable?: string;
  /** Whether there are any, or strict mode. */
  readonly exist: boolean;
  /** Returns why a call is not made through them; undefined if it does no harm. */
  obstacleTo(call: ThreadCall): string | undefined;
  /** Whether they let a call that was interrupted be made again. */
  letRepeat(call: ThreadCall): boolean;
}

const RESTART = syscallNumber("restart_syscall");
/** Whether a call is one that passed the filters already, when the thread made it itself. */
const hasPassed = ({ nr }: ThreadCall) => nr !== RESTART;

const NO_FILTERS: ThreadFilters = {
  programs: [],
  exist: false,
  obstacleTo: () => undefined,
  letRepeat: () => true,
};

const STRICT: ThreadFilters = {
  programs: [],
  exist: true,
  obstacleTo: () => "strict mode (seccomp) ends the thread for it",
  letRepeat: hasPassed,
};

const unreadable = (reason: string): ThreadFilters => ({
  programs: [],
  unreadable: reason,
  exist: true,
  obstacleTo: () => `they cannot be read: ${reason}`,
  letRepeat: hasPassed,
});

/** Reads filters. Threads usually share them, so it keeps each program once. */
export class FilterReader {
  readonly #programs = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #filters = new Map<string, ThreadFilters>();

  /**
   * Reads the filters of a stopped thread.
   *
   * @param credentials Those of the thread, read while it was stopped.
   */
  read(thread: StoppedThread, { seccomp, filters }: ThreadCredentials): ThreadFilters {
    if (seccomp === MODE.none) return NO_FILTERS;
    if (seccomp === MODE.strict) return STRICT;
    if (seccomp !== MODE.filter) return unreadable(`the seccomp mode ${seccomp} is unknown`);
    try {
      const programs = thread.filters();
      const isComplete = filters === null ? programs.length > 0 : programs.length === filters;
      if (isComplete) return this.#sharing(programs);
      return unreadable(`${programs.length} were shown, and the thread has ${filters ?? "some"}`);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return unreadable(error.message);
    }
  }

  #sharing(programs: readonly Uint8Array<ArrayBuffer>[]): ThreadFilters {
    const texts = programs.map((program) => program.toBase64());
    return this.#filters.getOrInsertComputed(texts.join(), () => {
      const shared = programs.map((program, i) =>
        this.#programs.getOrInsertComputed(texts[i], () => program)
      );
      const evaluate = filterEvaluator(shared);
      return {
        programs: shared,
        exist: true,
        obstacleTo: (call) => obstacle(evaluate(call)),
        // Filters that were installed since the call began may refuse it.
        letRepeat: (call) => {
          const { action } = evaluate(call);
          return HARMLESS.includes(action) || action === "notify" && hasPassed(call);
        },
      };
    });
  }
}

function obstacle({ action, data }: FilterAnswer): string | undefined {
  // The result 0 of socket(2) would be taken for a descriptor.
  if (action === "errno" && data === 0) return "they answer it with a success without effect";
  return CONSEQUENCES[action];
}

/**
 * Makes the call that the stop has interrupted return EINTR, unless the filters of the thread let
 * the kernel make it again.
 *
 * @param thread A thread that has not been asked.
 */
export function abandonRefusedCall(thread: StoppedThread, filters: ThreadFilters): void {
  const call = thread.repeatedCall();
  if (call === undefined || !filters.exist) return;
  // A call of the 32-bit mode has other numbers and registers.
  if (!isNative(call) || !filters.letRepeat(call)) thread.abandonCall();
}
