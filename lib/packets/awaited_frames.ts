/**
 * The frames of a stimulus that one receiver has yet to receive.
 *
 * @module
 */

import { secretOf } from "./stimulus.ts";

/** Knows each frame by its secret, and once: the secret is forgotten with the frame. */
export class AwaitedFrames {
  readonly #order = new Map<string, number>();
  #expected = 0;

  /** How many frames have been expected. */
  get expected(): number {
    return this.#expected;
  }

  /** Awaits a frame that has been sent. */
  expect(frame: Uint8Array): void {
    this.#order.set(secretOf(frame)!, this.#expected++);
  }

  /**
   * Takes a frame off the list.
   *
   * @param frame The beginning is enough, if the secret is in it.
   * @returns Which of the expected frames it is, counted from 0; `undefined` for any other frame.
   */
  take(frame: Uint8Array): number | undefined {
    const secret = secretOf(frame);
    if (secret === undefined) return undefined;
    const place = this.#order.get(secret);
    this.#order.delete(secret);
    return place;
  }

  /** Awaits none of them any more. */
  forget(): void {
    this.#order.clear();
  }
}
