/**
 * When a worker that has ended is started again: at once if it had done something, later and later if it had not, and after some times no more.
 *
 * @module
 */

/** The delay after the first failure, in milliseconds; it doubles with each. */
const FIRST_DELAY = 50;

/** After so many failures in a row a worker is given up. */
export const FAILURES_TOLERATED = 5;

/** Remembers how often in a row a worker has failed. */
export class RestartPolicy {
  #failures = 0;

  /**
   * A worker has ended that was not asked to.
   *
   * @param hadProgress Whether it had done anything.
   * @returns After how many milliseconds the next is to be started; `undefined` if none is.
   */
  afterEnd(hadProgress: boolean): number | undefined {
    if (hadProgress) this.#failures = 0;
    else this.#failures++;
    if (this.#failures >= FAILURES_TOLERATED) return undefined;
    return this.#failures === 0 ? 0 : FIRST_DELAY * 2 ** (this.#failures - 1);
  }
}
