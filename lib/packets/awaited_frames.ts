/**
 * The frames of a stimulus that a receiver has yet to receive.
 *
 * @module
 */

import type { LinkLayer } from "./link_layer.ts";
import { secretOf } from "./stimulus.ts";

/** A list of awaited frames. Each is recognized by its secret, and taken off the list once. */
export class AwaitedFrames {
  readonly #order = new Map<string, number>();
  readonly #layer: LinkLayer;
  #expected = 0;

  /** @param layer The form of the frames that the receiver receives. */
  constructor(layer: LinkLayer) {
    this.#layer = layer;
  }

  /** How many frames have been put on the list so far. */
  get expected(): number {
    return this.#expected;
  }

  /** Puts a frame that has been sent on the list, by its secret. */
  expect(secret: string): void {
    this.#order.set(secret, this.#expected++);
  }

  /**
   * Takes a frame off the list.
   *
   * @param frame The frame, or its beginning if that holds the secret.
   * @returns The number of the frame in the order of {@linkcode expect}, from 0; `undefined` for a
   *   frame that is not on the list.
   */
  take(frame: Uint8Array): number | undefined {
    const secret = secretOf(frame, this.#layer);
    if (secret === undefined) return undefined;
    const place = this.#order.get(secret);
    this.#order.delete(secret);
    return place;
  }

  /** Empties the list. */
  forget(): void {
    this.#order.clear();
  }
}
