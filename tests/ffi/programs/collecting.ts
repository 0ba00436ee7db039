/**
 * Tests whether an object survives a garbage collection. V8 needs `--expose-gc`.
 *
 * @module
 */

declare const gc: () => void;

/** The number of collections, each followed by allocations. */
const COLLECTIONS = 10;

/**
 * Creates an object and keeps no reference to it. Returns whether it survives a garbage collection.
 */
export async function outlives(make: () => object): Promise<boolean> {
  const weak = new WeakRef(make());
  for (let i = 0; i < COLLECTIONS; i++) {
    await new Promise((resolve) => setTimeout(resolve, 0)); // until then V8 holds what a WeakRef was made of
    gc();
  }
  return weak.deref() !== undefined;
}
