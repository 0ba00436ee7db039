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
    // V8 keeps the target of a new WeakRef alive until the current job ends.
    await new Promise((resolve) => setTimeout(resolve, 0));
    gc();
  }
  return weak.deref() !== undefined;
}
