/**
 * What a benchmark found, for machines: `--json FILE`. Without that nothing is written.
 *
 * @module
 */

// deno-lint-ignore-file no-console -- it tells a program's user what is wrong

import { parseArgs } from "@std/cli/parse-args";
import { type Measurements, spreadOf } from "./spread.ts";

/**
 * The arguments of a benchmark that takes numbers, and `--json FILE`.
 *
 * @param program Its name, for the message about an argument that is wrong; it ends with that.
 * @param defaults The numbers, if they are not given.
 */
export function numbersAndJson(
  program: string,
  ...defaults: readonly number[]
): { numbers: number[]; json: string | undefined } {
  const usage = (what: string): never => {
    console.error(`${program}: ${what} is not understood`);
    Deno.exit(2);
  };
  const { _: given, json } = parseArgs(Deno.args, {
    string: ["json", "_"],
    unknown: (argument: string, name?: string) => name === undefined || usage(argument),
  });
  const numbers = defaults.map((value, i) => Number(given[i] ?? value));
  if (!numbers.every((number) => number > 0)) usage(given.join(" "));
  if (given.length > defaults.length) usage(String(given[defaults.length]));
  if (json === "") usage("--json without a file");
  return { numbers, json };
}

/** Each measurement, and how they are spread. */
export function withSpread(measurements: Measurements) {
  return Object.fromEntries(
    Object.entries(measurements)
      .map(([name, values]) => [name, { values, spread: spreadOf(values) }]),
  );
}

/** Writes results into a file, if there is to be one, with what they were measured on. */
export function writeJson(file: string | undefined, results: object): void {
  if (file === undefined) return;
  const environment = {
    kernel: Deno.osRelease(),
    arch: Deno.build.arch,
    deno: Deno.version.deno,
  };
  Deno.writeTextFileSync(file, `${JSON.stringify({ environment, ...results })}\n`);
}
