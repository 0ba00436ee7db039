/**
 * The words of a command line: which of them is the command, and what its options are given as. The
 * options of every command are parsed the same way; each command then refuses those of the others.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { UsageError } from "../evidence/errors.ts";
import { didYouMean } from "./suggestion.ts";

/** The short names of options. */
const ALIASES = {
  e: "experiment",
  n: "count",
  t: "timeout",
  u: "user",
  q: "quiet",
  v: "verbose",
  l: "list",
  h: "help",
} as const;

/** The options of a command, by their long names. */
export interface KnownOptions {
  /** Options that take a value. */
  readonly valued: readonly string[];
  /** Options without a value. */
  readonly switches: readonly string[];
}

/** A parsed command line. */
export interface Words {
  /** Whether a switch is on. */
  has(name: string): boolean;
  /**
   * Returns the value of an option; `undefined` if it is not given.
   *
   * @throws {UsageError} If it is given more than once, or is empty.
   */
  value(name: string): string | undefined;
  /** Returns all values of an option, in order. */
  values(name: string): readonly string[];
  /** The words that are no options. */
  readonly operands: readonly string[];
}

/** Parses the options that are known, and passes over all others. Never throws. */
export function parseLeniently(args: readonly string[], known: KnownOptions): Words {
  return asWords(parse(args, known, () => true));
}

/**
 * Parses the options of a command.
 *
 * @param refuse Called with each unknown option, before the suggestion of a known one is made.
 * @throws {UsageError} If an option is unknown.
 */
export function parseWords(
  args: readonly string[],
  known: KnownOptions,
  refuse: (name: string) => void = () => {},
): Words {
  return asWords(parse(withValuesTied(args, known.valued), known, (word, key) => {
    if (key === undefined) return true;
    const name = word.replace(/=.*$/s, "");
    refuse(name);
    throw new UsageError(
      `Unknown option ${JSON.stringify(name)}: ${
        didYouMean(
          name,
          optionWords([...known.valued, ...known.switches]),
          "--help lists all options",
        )
      }`,
    );
  }));
}

function parse(
  args: readonly string[],
  { valued, switches }: KnownOptions,
  unknown: (word: string, key?: string) => boolean,
): Record<string, unknown> {
  return parseArgs([...args], {
    boolean: [...switches],
    string: [...valued, "_"],
    collect: [...valued],
    alias: Object.fromEntries(
      Object.entries(ALIASES).filter(([, long]) => [...valued, ...switches].includes(long)),
    ),
    default: {},
    unknown,
  });
}

function asWords(words: Record<string, unknown>): Words {
  const values = (name: string) => words[name] as string[] | undefined ?? [];
  return {
    has: (name) => words[name] === true,
    values,
    value(name) {
      const given = values(name);
      if (given.length > 1) {
        throw new UsageError(`--${name} is given ${given.length} times: give it once`);
      }
      if (given[0] === "") throw new UsageError(`--${name} needs a value: --${name}=VALUE`);
      return given[0];
    },
    operands: words._ as string[],
  };
}

/**
 * Ties a negative number or an empty argument to the option before it, so that it is refused as a
 * wrong value of that option instead of an unknown one.
 */
function withValuesTied(args: readonly string[], valued: readonly string[]): string[] {
  const options = optionWords(valued);
  const tied: string[] = [];
  for (const word of args) {
    const option = tied.at(-1);
    if ((word === "" || /^-\d/.test(word)) && option !== undefined && options.includes(option)) {
      tied[tied.length - 1] = `${option}=${word}`;
    } else {
      tied.push(word);
    }
  }
  return tied;
}

/** The words by which a command line gives these options, long and short. */
export function optionWords(names: readonly string[]): string[] {
  return names.flatMap((name) => [
    `--${name}`,
    ...Object.entries(ALIASES).filter(([, long]) => long === name).map(([short]) => `-${short}`),
  ]);
}

/** Returns the part of a command line that may name options: what is before `--`. */
export function beforeDashes(args: readonly string[]): string[] {
  const end = args.indexOf("--");
  return end === -1 ? [...args] : args.slice(0, end);
}

/**
 * Returns the place of the first word that is neither an option nor the value of one.
 *
 * @param valued The options that take a value.
 * @returns `undefined` if there is none before `--`.
 */
export function firstOperand(
  args: readonly string[],
  valued: readonly string[],
): number | undefined {
  const options = optionWords(valued);
  const shorts = options.filter((word) => !word.startsWith("--")).map((word) => word[1]);
  const takesNext = (word: string) =>
    word.startsWith("--")
      ? options.includes(word)
      : word.slice(1).split("").findIndex((letter) => shorts.includes(letter)) === word.length - 2;
  const words = beforeDashes(args);
  for (let i = 0; i < words.length; i++) {
    if (!words[i].startsWith("-") || words[i] === "-") return i;
    if (takesNext(words[i])) i++;
  }
  return undefined;
}
