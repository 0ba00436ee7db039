/**
 * Whether something outlives those who knew it. V8 is to be given `--expose-gc`.
 *
 * @module
 */

declare const gc: () => void;

/** How often what is not held is collected, and its memory asked for. */
const COLLECTIONS = 10;

/** Makes something of which nothing is kept here. Returns whether it is there still after what nobody holds was collected. */
export async function outlives(make: () => object): Promise<boolean> {
  const weak = new WeakRef(make());
  for (let i = 0; i < COLLECTIONS; i++) {
    await new Promise((resolve) => setTimeout(resolve, 0)); // until then V8 holds what a WeakRef was made of
    gc();
  }
  return weak.deref() !== undefined;
}
