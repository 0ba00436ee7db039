/**
 * Parses the command line.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { type CheckId, CHECKS, isCheckId } from "../evidence/checks.ts";
import type { Experiment } from "../harness/experiment.ts";
import { UsageError } from "../evidence/errors.ts";
import { asWholeNumber, parseOptions } from "../harness/options.ts";
import { isReceivePath, RECEIVE_PATHS, type ReceivePath } from "../receive/mod.ts";
import { didYouMean } from "./suggestion.ts";
import type { FilePaths } from "./view_files.ts";
import type { TextOptions } from "../report/text.ts";
import type { RunOptions } from "../harness/setting.ts";

/** The task of running experiments. */
export interface RunTask {
  readonly task: "run";
  readonly experiments: readonly Experiment[];
  readonly run: RunOptions;
  /** The views that go into files. */
  readonly files: FilePaths;
  /** Whether existing files may be replaced. */
  readonly force: boolean;
  /** Whether every libc call is printed on standard error. */
  readonly trace: boolean;
}

/** The task that a command line asks for. */
export type Task =
  | RunTask
  | { readonly task: "explain"; readonly id: CheckId }
  | { readonly task: "list"; readonly verbose: boolean }
  | { readonly task: "help" | "version" };

/** How to print the result. */
export interface OutputStyle {
  /** The view that goes to standard output. */
  readonly view: "text" | "json" | "tap";
  readonly amount: TextOptions["amount"];
  /** Whether `--no-color` was absent. */
  readonly color: boolean;
}

/** The most packets that a run receives. Each one is in the report. */
export const COUNT_LIMIT = 100_000;

/** The longest time limit of an experiment, in seconds. */
export const TIMEOUT_LIMIT = 3600;

/** Options that take a value, by their long names. Experiments have more of their own. */
const VALUED = [
  "experiment",
  "count",
  "timeout",
  "user",
  "stimulus",
  "receive",
  "pcap",
  "report",
  "explain",
] as const;
/** Options without a value. */
const SWITCHES = [
  "harden",
  "force",
  "trace",
  "json",
  "tap",
  "quiet",
  "verbose",
  "no-color",
  "list",
  "help",
  "version",
] as const;
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

/**
 * Returns how the command line asks for the result to be printed. Never throws, because an error in
 * the command line is printed that way too.
 */
export function outputStyleOf(args: readonly string[]): OutputStyle {
  const words = parseArgs(beforeDashes(args), {
    boolean: [...SWITCHES],
    string: [...VALUED],
    alias: { ...ALIASES },
  });
  return {
    view: words.json ? "json" : words.tap ? "tap" : "text",
    amount: words.quiet ? "quiet" : words.verbose ? "verbose" : "normal",
    color: !words["no-color"],
  };
}

function beforeDashes(args: readonly string[]): string[] {
  const end = args.indexOf("--");
  return end === -1 ? [...args] : args.slice(0, end);
}

/**
 * Parses the command line.
 *
 * @param args The arguments, without the program's name.
 * @param experiments All experiments.
 * @throws {UsageError} If an argument is wrong. The message names it, and a right one.
 */
export function parseCommandLine(
  args: readonly string[],
  experiments: readonly Experiment[],
): Task {
  const valued = [...VALUED, ...experiments.flatMap(({ options }) => options?.names ?? [])];
  const words = parseArgs(withValuesTied(args, valued), {
    boolean: [...SWITCHES],
    string: [...valued, "_"],
    collect: valued,
    alias: { ...ALIASES },
    default: {},
    unknown: (word: string, key?: string) => {
      if (key !== undefined) refuseUnknown(word, valued);
      return true;
    },
  });
  for (const task of ["help", "version"] as const) if (words[task]) return { task };
  if (words.list) return { task: "list", verbose: words.verbose };

  const value = (name: string, fallback?: string) =>
    single(name, (words as Record<string, unknown>)[name] as string[], fallback);
  const id = value("explain");
  if (id !== undefined) return { task: "explain", id: asCheckId(id) };
  if (words.json && words.tap) {
    throw new UsageError("--json and --tap both print on standard output: give one of them");
  }
  const wanted = chosen(words.experiment as string[], experiments);
  refuseOptionsOfOthers(experiments, wanted, value);
  const run = {
    count: asWholeNumber("count", value("count", "5")!, 1, COUNT_LIMIT),
    timeout: asTimeout(value("timeout")),
    user: value("user", "nobody:65534")!,
    stimulus: value("stimulus"),
    harden: words.harden,
    receive: asReceivePath(value("receive")),
    options: parseOptions(experiments, value),
  };
  const files = { pcap: value("pcap"), report: value("report") };
  return {
    task: "run",
    experiments: wanted,
    // last, because an option without its value may have taken the interface instead
    run: { interface: onlyInterface(words._ as string[], args, valued), ...run },
    files,
    force: words.force,
    trace: words.trace,
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
function optionWords(names: readonly string[]): string[] {
  return names.flatMap((name) => [
    `--${name}`,
    ...Object.entries(ALIASES).filter(([, long]) => long === name).map(([short]) => `-${short}`),
  ]);
}

function refuseUnknown(word: string, valued: readonly string[]): never {
  const name = word.replace(/=.*$/s, "");
  const known = optionWords([...valued, ...SWITCHES]);
  throw new UsageError(
    `Unknown option ${JSON.stringify(name)}: ${
      didYouMean(name, known, "--help lists all options")
    }`,
  );
}

function single(name: string, values: readonly string[], fallback?: string): string | undefined {
  if (values.length > 1) {
    throw new UsageError(`--${name} is given ${values.length} times: give it once`);
  }
  if (values[0] === "") throw new UsageError(`--${name} needs a value: --${name}=VALUE`);
  return values[0] ?? fallback;
}

function chosen(names: readonly string[], experiments: readonly Experiment[]): Experiment[] {
  if (names.length === 0) return [experiments[0]];
  if (names.includes("")) throw new UsageError("--experiment needs a value: --experiment=VALUE");
  if (names.includes("all")) return [...experiments];
  const known = experiments.map(({ name }) => name);
  return [...new Set(names)].map((name) => {
    const experiment = experiments.find((each) => each.name === name);
    if (experiment !== undefined) return experiment;
    throw new UsageError(
      `Unknown experiment ${JSON.stringify(name)}: ` +
        didYouMean(name, [...known, "all"], "--list shows all experiments"),
    );
  });
}

/** Refuses an option that none of the wanted experiments has, because it would change nothing. */
function refuseOptionsOfOthers(
  experiments: readonly Experiment[],
  wanted: readonly Experiment[],
  value: (name: string) => string | undefined,
): void {
  const known = new Set(wanted.flatMap(({ options }) => options?.names ?? []));
  for (const { name, options } of experiments) {
    const given = options?.names.find((each) => !known.has(each) && value(each) !== undefined);
    if (given === undefined) continue;
    throw new UsageError(
      `--${given} is an option of the experiment ${name}, which is not run: add -e ${name}`,
    );
  }
}

function onlyInterface(
  names: readonly string[],
  args: readonly string[],
  valued: readonly string[],
): string {
  if (names.length === 0) {
    const [option, last] = args.slice(-2);
    const reason = last !== undefined && optionWords(valued).includes(option)
      ? `${JSON.stringify(last)} is the value of ${option}`
      : '"ip link" shows the interfaces, and scripts/netns.sh makes one in a private network ' +
        "namespace";
    throw new UsageError(`No interface given: fdpass [OPTIONS] INTERFACE (${reason})`);
  }
  if (names.length > 1) {
    const all = names.map((name) => JSON.stringify(name)).join(", ");
    throw new UsageError(`Give one interface, not ${names.length}: ${all}`);
  }
  return names[0];
}

function asCheckId(text: string): CheckId {
  const id = text.toUpperCase();
  if (isCheckId(id)) return id;
  throw new UsageError(
    `--explain: there is no check ${JSON.stringify(text)}: ` +
      didYouMean(id, Object.keys(CHECKS), "--list --verbose shows all checks"),
  );
}

function asReceivePath(text: string | undefined): ReceivePath | undefined {
  if (text === undefined || isReceivePath(text)) return text;
  const known = Object.keys(RECEIVE_PATHS);
  throw new UsageError(
    `--receive: ${JSON.stringify(text)} is not a receive path: ` +
      didYouMean(text, known, `they are ${known.join(", ")}`),
  );
}

function asTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds <= 0 || seconds > TIMEOUT_LIMIT) {
    throw new UsageError(
      `--timeout must be a number of seconds above 0, up to ${TIMEOUT_LIMIT}, not ${
        JSON.stringify(text)
      }`,
    );
  }
  return seconds;
}
