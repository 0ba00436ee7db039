/**
 * Writes the results of a benchmark for machines: `--json FILE`.
 *
 * @module
 */

// deno-lint-ignore-file no-console -- this program reports errors to its user

import { parseArgs } from "@std/cli/parse-args";
import { type Measurements, spreadOf } from "./spread.ts";

/**
 * Parses the arguments of a benchmark: numbers, and `--json FILE`. Ends the program with a message
 * if one is wrong.
 *
 * @param program Its name, for the message.
 * @param defaults The default numbers.
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

/** Each measurement with its spread. */
export function withSpread(measurements: Measurements) {
  return Object.fromEntries(
    Object.entries(measurements)
      .map(([name, values]) => [name, { values, spread: spreadOf(values) }]),
  );
}

/** Writes results and a description of the machine into a file, if there is to be one. */
export function writeJson(file: string | undefined, results: object): void {
  if (file === undefined) return;
  const environment = {
    kernel: Deno.osRelease(),
    arch: Deno.build.arch,
    deno: Deno.version.deno,
  };
  Deno.writeTextFileSync(file, `${JSON.stringify({ environment, ...results })}\n`);
}
