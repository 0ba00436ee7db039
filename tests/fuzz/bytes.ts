/**
 * Bytes that are nearly valid: some are changed, and the end is moved.
 *
 * @module
 */

import fc from "fast-check";

/** A few bytes that get another value. */
interface Change {
  readonly at: number;
  readonly size: 1 | 2 | 4 | 8;
  readonly value: bigint;
}

/** Values at which lengths and counters overflow or miss by one. */
const EDGES = [0n, 1n, 4n, 7n, 8n, 15n, 16n, 17n, 20n, 24n, 0x7fn, 0x80n, 0xffn, 0x100n]
  .concat([0x7fffn, 0x8000n, 0xffffn, 0x7fffffffn, 0x80000000n, 0xffffffffn])
  .concat([0x7fffffffffffffffn, 0xffffffffffffffffn, 0xfffffffffffffff0n]);

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(4096),
  size: fc.constantFrom(1, 2, 4, 8),
  value: fc.oneof(fc.constantFrom(...EDGES), fc.bigInt(0n, 0xffffn)),
});

function changed(bytes: Uint8Array, changes: readonly Change[], length: number): Uint8Array {
  const result = new Uint8Array(length);
  result.set(bytes.subarray(0, length));
  const view = new DataView(result.buffer);
  for (const { at, size, value } of changes) {
    if (size > length) continue;
    const place = at % (length - size + 1);
    if (size === 1) view.setUint8(place, Number(value & 0xffn));
    else if (size === 2) view.setUint16(place, Number(value & 0xffffn), at % 2 === 0);
    else if (size === 4) view.setUint32(place, Number(value & 0xffffffffn), at % 2 === 0);
    else view.setBigUint64(place, value, true);
  }
  return result;
}

/**
 * Bytes that are nearly those of `valid`; one time in eight exactly those, and one in eight random
 * ones.
 *
 * @param more How many bytes longer they may become, filled with zeros.
 */
export function nearly(valid: fc.Arbitrary<Uint8Array>, more = 16): fc.Arbitrary<Uint8Array> {
  const mutated = fc.tuple(
    valid,
    fc.array(change, { maxLength: 4 }),
    fc.oneof({ arbitrary: fc.constant(-1), weight: 2 }, fc.nat(1 << 16)),
  ).map(([bytes, changes, end]) => {
    const length = end === -1 ? bytes.length : end % (bytes.length + more);
    return changed(bytes, changes, length);
  });
  return fc.oneof(
    { arbitrary: mutated, weight: 6 },
    { arbitrary: valid, weight: 1 },
    { arbitrary: fc.uint8Array({ maxLength: 96 }), weight: 1 },
  );
}
