/**
 * Something that is done again and again while the program waits for something else.
 *
 * @module
 */

/** Repeats an action until it throws, or until it is stopped. */
export class Repetition implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #failure: { readonly error: unknown } | undefined;

  /**
   * Starts. The first time comes after one interval.
   *
   * @param interval The time between two beginnings, in milliseconds.
   */
  constructor(action: () => void, interval: number) {
    this.#timer = setInterval(() => {
      try {
        action();
      } catch (error) {
        this.#failure = { error };
        this.stop();
      }
    }, interval);
  }

  /**
   * Throws the error that has ended the repetition, if one has. Nobody could catch it in a timer.
   */
  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Ends the repetition; the second time does nothing. */
  stop(): void {
    clearInterval(this.#timer);
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}
