/**
 * The command-line options of one experiment. The experiment names, parses and looks them up
 * itself; the command line and the setting only carry them.
 *
 * @module
 */

import type { Link } from "../../ffi/socket/rtnetlink.ts";
import { UsageError } from "../evidence/errors.ts";

/**
 * The options of an experiment.
 *
 * @typeParam Options The values that its programs get.
 * @typeParam Asked The values on the command line, before any name is looked up.
 */
export interface ExperimentOptions<Options, Asked = Options> {
  /** The long names. Each option takes a value. */
  readonly names: readonly string[];
  /**
   * Parses the values.
   *
   * @param value Returns the value of an option; `undefined` if it is not given.
   * @throws {UsageError} If a value is wrong; the message names a right one.
   */
  parse(value: (name: string) => string | undefined): Asked;
  /**
   * Looks up the names among the values.
   *
   * @param link The interface under test.
   * @throws {UsageError} If a name does not exist.
   */
  find(asked: Asked, link: Link): Options;
  /**
   * Makes sure that the machine allows the options.
   *
   * @throws {CannotAnswer} If it does not.
   */
  require?(options: Options): void;
}

/** An experiment, as far as its options are concerned. */
export interface OptionsOwner {
  readonly name: string;
  readonly options?: ExperimentOptions<unknown, unknown>;
}

/** Values of experiments' options, by the name of the experiment. */
export type OptionsByExperiment = Readonly<Record<string, unknown>>;

/** Parses the options of every experiment that has some: {@linkcode ExperimentOptions.parse}. */
export function parseOptions(
  experiments: readonly OptionsOwner[],
  value: (name: string) => string | undefined,
): OptionsByExperiment {
  return each(experiments, (options) => options.parse(value));
}

/** Looks up the options of every experiment that has some: {@linkcode ExperimentOptions.find}. */
export function findOptions(
  experiments: readonly OptionsOwner[],
  asked: OptionsByExperiment,
  link: Link,
): OptionsByExperiment {
  return each(experiments, (options, name) => options.find(asked[name], link));
}

function each(
  experiments: readonly OptionsOwner[],
  transform: (options: ExperimentOptions<unknown, unknown>, name: string) => unknown,
): OptionsByExperiment {
  return Object.fromEntries(
    experiments.flatMap(({ name, options }) =>
      options === undefined ? [] : [[name, transform(options, name)]]
    ),
  );
}

/**
 * Parses the value of an option that is a whole number.
 *
 * @throws {UsageError} If the text is not a number from `least` to `most`.
 */
export function asWholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least || number > most) {
    throw new UsageError(
      `--${name} must be a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`,
    );
  }
  return number;
}
