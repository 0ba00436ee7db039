/**
 * The alarm of a run: it ends the run as soon as one of its interfaces changes, instead of letting
 * it wait for frames that cannot come.
 *
 * @module
 */

import { InterfaceChanged } from "../evidence/errors.ts";
import { type LinkChange, LinkWatch, type WatchedLink } from "../host/link_watch.ts";
import { pause } from "../host/pause.ts";
import type { Tracing } from "./trace/hub.ts";

/** The time between two looks, in milliseconds. */
const INTERVAL = 20;

/**
 * How long to wait for the rest of a change, in milliseconds: an interface often goes down before
 * it is renamed or replaced.
 */
const SETTLING_TIME = 50;

/** Looks at the interfaces of a run while it goes on. */
export class LinkAlarm implements Disposable {
  readonly #watch: LinkWatch;
  readonly #tracing: Tracing | undefined;
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;

  /**
   * Starts to look.
   *
   * @param links The interfaces, as they were when the run began.
   * @param tracing Gets the calls of no later look: there are fifty a second.
   * @throws {SystemError} If the kernel's messages cannot be read here.
   */
  constructor(links: readonly WatchedLink[], tracing?: Tracing) {
    this.#tracing = tracing;
    this.#watch = new LinkWatch(links);
    this.#timer = setInterval(() => this.#ring(), INTERVAL);
    Deno.unrefTimer(this.#timer);
    this.#ring(); // something may have changed since the names were looked up
  }

  /** Aborted by the first change. Its reason is an {@linkcode InterfaceChanged}. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  #ring(): void {
    try {
      using _untraced = this.#tracing?.paused();
      this.#watch.look();
      if (this.#watch.change === undefined) return;
      this.#controller.abort(asError(this.#watch.change));
    } catch (error) {
      this.#controller.abort(error);
    }
    clearInterval(this.#timer);
  }

  /**
   * Takes the last look, once the program of the parent has ended, and stops looking.
   *
   * @returns The change, as fully as it is known by now; `undefined` if there was none.
   * @throws {SystemError} If the kernel's messages cannot be read.
   */
  async lastLook(): Promise<InterfaceChanged | undefined> {
    using _stopped = this;
    this.#lookAgain();
    if (this.#watch.change === undefined) return undefined;
    await pause(SETTLING_TIME);
    this.#lookAgain();
    return asError(this.#watch.change);
  }

  #lookAgain(): void {
    using _untraced = this.#tracing?.paused();
    this.#watch.lookAgain();
  }

  /** Stops looking; the second time does nothing. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#watch[Symbol.dispose]();
  }
}

function asError({ event, remedy }: LinkChange): InterfaceChanged {
  return new InterfaceChanged(`${event} during the run`, remedy);
}
