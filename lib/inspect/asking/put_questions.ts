/**
 * Puts the questions that are safe to a stopped thread of a daemon: through its filters, and
 * beneath them.
 *
 * @module
 */

import { SystemError } from "../../../ffi/abi/errno.ts";
import type { SyscallName } from "../../../ffi/abi/syscalls.ts";
import { NotAnsweredError, type StoppedThread } from "../../../ffi/ptrace/stopped_thread.ts";
import { askParentDeathSignal } from "./parent_death_signal.ts";
import { type Answers, ARGUMENTS, FORBIDDEN, type Forbidden, hasUsedRing } from "./questions.ts";
import { reasonNotToAsk, type Standing } from "./safe_questions.ts";
import type { AskedThread } from "../subject.ts";
import type { ThreadFilters } from "./thread_filters.ts";

const CALLS = Object.keys(FORBIDDEN) as Forbidden[];

/** The questions to one thread, and those that were not put. */
export class Questions {
  /** Why calls were not asked, one sentence each. */
  readonly notAsked: string[] = [];
  readonly #thread: StoppedThread;
  readonly #filters: ThreadFilters;
  /** The calls that the kernel will refuse. */
  readonly #calls: readonly Forbidden[];

  /** @param standing What the kernel will decide by. */
  constructor(thread: StoppedThread, filters: ThreadFilters, standing: Standing) {
    this.#thread = thread;
    this.#filters = filters;
    const { unreadable } = filters;
    if (unreadable !== undefined) this.notAsked.push(`Its filters cannot be read: ${unreadable}`);
    this.#calls = CALLS.filter((call) => {
      const reason = reasonNotToAsk(call, standing);
      if (reason !== undefined) this.notAsked.push(`${FORBIDDEN[call]} was not made: ${reason}`);
      return reason === undefined;
    });
  }

  /** Asks through the filters, if there are any, where they do no harm. */
  askThroughFilters(): Partial<Answers> {
    return this.#answers(this.#filters.exist ? " through its filters" : "", (call) => {
      const obstacle = this.#obstacleTo(call, ...ARGUMENTS[call]);
      if (obstacle !== undefined) throw new NotAnsweredError(call, this.#thread.tid, obstacle);
      return this.#ask(call);
    });
  }

  /**
   * Asks with the filters suspended. Without filters only the parent-death signal, and whether the
   * thread has used an io_uring, are asked.
   *
   * @param isFirst Whether to ask for the parent-death signal.
   */
  askBeneathFilters(
    isFirst: boolean,
  ): Pick<AskedThread, "beneath" | "parentDeathSignal" | "usedRing"> {
    const rest = () => ({
      parentDeathSignal: isFirst ? askParentDeathSignal(this.#thread) : undefined,
      usedRing: this.#hasUsedRing(),
    });
    if (!this.#filters.exist) return { beneath: {}, ...rest() };
    try {
      return this.#thread.beneathFilter(() => ({
        beneath: this.#answers(" beneath its filters", (call) => this.#ask(call)),
        ...rest(),
      }));
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.notAsked.push(`No call was made beneath its filters: ${error.message}`);
      return { beneath: {}, parentDeathSignal: undefined, usedRing: undefined };
    }
  }

  #hasUsedRing(): boolean | undefined {
    try {
      return hasUsedRing(this.#thread);
    } catch (error) {
      if (error instanceof NotAnsweredError) return undefined;
      throw error;
    }
  }

  #answers(where: string, ask: (call: Forbidden) => number): Partial<Answers> {
    const answers: Partial<Record<Forbidden, number>> = {};
    for (const call of this.#calls) {
      try {
        answers[call] = ask(call);
      } catch (error) {
        if (!(error instanceof NotAnsweredError)) throw error;
        this.notAsked.push(`${FORBIDDEN[call]} was not made${where}: ${error.reason}`);
      }
    }
    return answers;
  }

  #obstacleTo(name: SyscallName, ...args: readonly number[]): string | undefined {
    return this.#filters.obstacleTo(this.#thread.callOf(name, ...args));
  }

  #ask(call: Forbidden): number {
    const result = this.#thread.ask(call, ...ARGUMENTS[call]);
    if (call === "socket" && result >= 0) this.#close(result);
    return result < 0 ? -result : 0;
  }

  /** Closes the socket that the thread could create after all. */
  #close(fd: number): void {
    const close = () => this.#thread.ask("close", fd);
    if (this.#obstacleTo("close", fd) === undefined) close();
    else this.#thread.beneathFilter(close);
  }
}
