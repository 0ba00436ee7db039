/**
 * Tells how long the parent has watched: the time in which it was itself stopped, as by Ctrl-Z, or
 * blocked by a call, is not counted. Nobody fell silent in a time in which nobody listened.
 *
 * @module
 */

/** The time between two beats, and the longest time between them that counts whole, in ms. */
const BEAT = 50, LONGEST = 500;

/** Watches the parent until it is disposed of. */
export class Attention implements Disposable {
  readonly #timer = setInterval(() => this.#beat(), BEAT);
  #lastBeat = performance.now();
  /** The times that are not counted, by `performance.now()`. */
  readonly #gaps: { readonly from: number; readonly to: number }[] = [];

  constructor() {
    Deno.unrefTimer(this.#timer);
  }

  /**
   * Returns how long the parent has watched since a moment, in milliseconds.
   *
   * @param moment By `performance.now()`.
   */
  since(moment: number): number {
    this.#beat();
    const lost = this.#gaps.map(({ from, to }) => Math.max(0, to - Math.max(from, moment)));
    return lost.reduce((left, each) => left - each, performance.now() - moment);
  }

  #beat(): void {
    const now = performance.now();
    if (now - this.#lastBeat > LONGEST) this.#gaps.push({ from: this.#lastBeat, to: now });
    this.#lastBeat = now;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
