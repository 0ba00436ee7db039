/**
 * How measurements are shown.
 *
 * @module
 */

/** Minimum, median and maximum, with two decimals. */
export function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return [sorted[0], sorted[sorted.length >> 1], sorted[sorted.length - 1]]
    .map((value) => value.toFixed(2).padStart(8)).join("");
}
