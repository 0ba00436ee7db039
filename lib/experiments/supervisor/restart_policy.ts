/**
 * Decides when a worker that ended is replaced: at once if it had received anything; otherwise
 * after a delay that doubles with each failure in a row; and never again after five.
 *
 * @module
 */

/** The delay after the first failure, in milliseconds. */
const FIRST_DELAY = 50;

/** How many failures in a row make the supervisor give up. */
export const FAILURES_TOLERATED = 5;

/** Counts the failures in a row of one seat's workers. */
export class RestartPolicy {
  #failures = 0;

  /**
   * Decides what follows the end of a worker that nobody asked to stop.
   *
   * @param hadProgress Whether the worker had done any frame.
   * @returns The delay before the next worker, in milliseconds; `undefined` for no next worker.
   */
  afterEnd(hadProgress: boolean): number | undefined {
    if (hadProgress) this.#failures = 0;
    else this.#failures++;
    if (this.#failures >= FAILURES_TOLERATED) return undefined;
    return this.#failures === 0 ? 0 : FIRST_DELAY * 2 ** (this.#failures - 1);
  }
}
