/**
 * What is going on while a run waits: on a terminal one line, written over again and again, and gone when there is something to read.
 * Elsewhere the counters of the workers, where there are any, a plain line for all of them every second.
 *
 * @module
 */

import { escapeText } from "../evidence/escape.ts";

/** How often a terminal's line is written over, in milliseconds; a run that ends before the first time has none. */
const TERMINAL_PERIOD = 200;

/** How often there is a plain line, in milliseconds. */
const PLAIN_PERIOD = 1000;

/** Where somebody waits. */
export interface Watcher {
  readonly write: (text: string) => void;
  /** How many characters fit into a line of the terminal; `undefined` if it is none. */
  readonly columns: number | undefined;
}

/** What is told of a run. */
export interface Progressing {
  /** How many packets there are so far. */
  readonly packetCount: number;
  /** The counters of the workers, in a few words; `undefined` if there are none. */
  readonly counters: (() => string) | undefined;
}

/** Tells how far a run is, until it is disposed of. */
export class Live implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #isShown = false;

  /**
   * @param name What is run.
   * @param deadline When it must end, in milliseconds since 1970.
   */
  constructor(
    readonly watcher: Watcher,
    readonly name: string,
    readonly deadline: number,
    readonly state: Progressing,
  ) {
    this.#timer = watcher.columns === undefined
      ? setInterval(() => this.#tellCounters(), PLAIN_PERIOD)
      : setInterval(() => this.#writeOver(watcher.columns!), TERMINAL_PERIOD);
  }

  #tellCounters(): void {
    const { counters } = this.state;
    if (counters !== undefined) {
      this.watcher.write(`${escapeText(`${this.name}: ${counters()}`)}\n`);
    }
  }

  #writeOver(columns: number): void {
    const { packetCount, counters } = this.state;
    const left = `${Math.max(0, Math.ceil((this.deadline - Date.now()) / 1000))} s left`;
    const done = counters?.() ?? `${counted(packetCount, "packet")} so far`;
    const line = escapeText(`${this.name}: ${left}, ${done}`).slice(0, columns - 1); // one that wraps stays
    this.#isShown = true;
    this.watcher.write(`\r${line}\x1b[K`);
  }

  /** Takes the terminal's line away. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#isShown) this.watcher.write("\r\x1b[K");
  }
}

/** `1 packet`, `2 packets`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
