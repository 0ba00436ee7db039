/**
 * How measurements are shown.
 *
 * @module
 */

/** Of several measurements of the same thing. */
export interface Spread {
  readonly minimum: number;
  readonly median: number;
  readonly maximum: number;
}

/** Minimum, median and maximum. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    minimum: sorted[0],
    median: sorted[sorted.length >> 1],
    maximum: sorted[sorted.length - 1],
  };
}

/** Minimum, median and maximum, with two decimals. */
export function spread(values: readonly number[]): string {
  const { minimum, median, maximum } = spreadOf(values);
  return [minimum, median, maximum].map((value) => value.toFixed(2).padStart(8)).join("");
}
