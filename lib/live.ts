/**
 * What is going on while a run waits: one line on a terminal, written over again and again, and gone when there is something to read.
 *
 * @module
 */

import { escapeText } from "./report/escape.ts";

/** How often the line is written, in milliseconds; a run that ends before the first time has none. */
const PERIOD = 200;

/** A line that is written over. */
export class LiveLine implements Disposable {
  readonly #write: (text: string) => void;
  readonly #name: string;
  readonly #deadline: number;
  readonly #state: () => string;
  readonly #timer: ReturnType<typeof setInterval>;
  #isShown = false;

  /**
   * @param write Writes to the terminal.
   * @param name What is run.
   * @param deadline When it must end, in milliseconds since 1970.
   * @param state How far it is, in a few words.
   */
  constructor(
    write: (text: string) => void,
    name: string,
    deadline: number,
    state: () => string,
  ) {
    this.#write = write;
    this.#name = name;
    this.#deadline = deadline;
    this.#state = state;
    this.#timer = setInterval(() => this.#show(), PERIOD);
  }

  #show(): void {
    const left = Math.max(0, Math.ceil((this.#deadline - Date.now()) / 1000));
    this.#isShown = true;
    this.#write(`\r${escapeText(`${this.#name}: ${this.#state()}, ${left} s left`)}\x1b[K`);
  }

  /** Takes the line away. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#isShown) this.#write("\r\x1b[K");
  }
}

/** `1 packet`, `2 packets`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
