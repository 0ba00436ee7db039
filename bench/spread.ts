/**
 * Shows measurements with their spread.
 *
 * @module
 */

// deno-lint-ignore-file no-console -- it prints for programs that print

/** The spread of several measurements of the same thing. */
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

/** Measurements, by what was measured. */
export type Measurements = Readonly<Record<string, readonly number[]>>;

const NAME_WIDTH = 52;

/** Prints a table with a row for each measured thing. */
export function printMeasurements(title: string, measurements: Measurements): void {
  console.log(`${title.padEnd(NAME_WIDTH)} minimum  median maximum`);
  for (const [name, values] of Object.entries(measurements)) {
    console.log(name.padEnd(NAME_WIDTH) + spread(values));
  }
}
