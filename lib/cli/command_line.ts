/**
 * Parses the command line.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { closestString } from "@std/text/closest-string";
import { type CheckId, CHECKS, isCheckId } from "../evidence/checks.ts";
import type { Experiment } from "../harness/experiment.ts";
import { UsageError } from "../evidence/errors.ts";
import {
  FANOUT_MODES,
  type FanoutMode,
  isFanoutMode,
} from "../experiments/supervisor/fanout_group.ts";
import { isReceivePath, RECEIVE_PATHS, type ReceivePath } from "../receive/mod.ts";
import { RELAY_DEFAULTS } from "../experiments/relay/options.ts";
import type { FilePaths } from "./view_files.ts";
import type { TextOptions } from "../report/text.ts";
import type { RunOptions } from "../harness/setting.ts";

/** Run experiments. */
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

/**
 * The most workers. The runtime waits for each worker on a thread, and has 32 threads for that. The
 * kernel would take 256 sockets.
 */
export const WORKER_LIMIT = 16;

/** The most kills. */
export const KILL_LIMIT = 10_000;

/** The most frames per second that the parent can send beside its other work. */
export const RATE_LIMIT = 50_000;

/** Options that take a value, by their long names. */
const VALUED = [
  "experiment",
  "count",
  "timeout",
  "user",
  "stimulus",
  "receive",
  "workers",
  "fanout",
  "kills",
  "rate",
  "from",
  "to",
  "out",
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
 * @throws {UsageError} If an argument is wrong. The message names it, and says what would be right.
 */
export function parseCommandLine(
  args: readonly string[],
  experiments: readonly Experiment[],
): Task {
  const words = parseArgs(withValuesTied(args), {
    boolean: [...SWITCHES],
    string: [...VALUED, "_"],
    collect: [...VALUED],
    alias: { ...ALIASES },
    default: {},
    unknown: (word: string, key?: string) => {
      if (key !== undefined) refuseUnknown(word);
      return true;
    },
  });
  for (const task of ["help", "version"] as const) if (words[task]) return { task };
  if (words.list) return { task: "list", verbose: words.verbose };

  const value = (name: Exclude<typeof VALUED[number], "experiment">, otherwise?: string) =>
    single(name, words[name] as string[], otherwise);
  const id = value("explain");
  if (id !== undefined) return { task: "explain", id: asCheckId(id) };
  if (words.json && words.tap) {
    throw new UsageError("--json and --tap both print on standard output: give one of them");
  }
  return {
    task: "run",
    experiments: chosen(words.experiment as string[], experiments),
    run: {
      interface: onlyInterface(words._ as string[]),
      count: asWholeNumber("count", value("count", "5")!, 1, COUNT_LIMIT),
      timeout: asTimeout(value("timeout")),
      user: value("user", "nobody:65534")!,
      stimulus: value("stimulus"),
      harden: words.harden,
      receive: asReceivePath(value("receive")),
      supervision: {
        workers: asWholeNumber("workers", value("workers", "2")!, 1, WORKER_LIMIT),
        fanout: asFanoutMode(value("fanout", "hash")!),
        kills: asWholeNumber("kills", value("kills", "10")!, 1, KILL_LIMIT),
        rate: asWholeNumber("rate", value("rate", "2000")!, 100, RATE_LIMIT),
      },
      relay: {
        from: value("from", RELAY_DEFAULTS.from)!,
        to: value("to", RELAY_DEFAULTS.to)!,
        out: value("out"),
      },
    },
    files: { pcap: value("pcap"), report: value("report") },
    force: words.force,
    trace: words.trace,
  };
}

/**
 * Ties a negative number or an empty argument to the option before it, so that it is refused as a
 * wrong value of that option instead of an unknown one.
 */
function withValuesTied(args: readonly string[]): string[] {
  const options = VALUED.flatMap((name) => [
    `--${name}`,
    ...Object.entries(ALIASES).filter(([, long]) => long === name).map(([short]) => `-${short}`),
  ]);
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

function refuseUnknown(word: string): never {
  const name = word.replace(/=.*$/s, "");
  const known = [
    ...[...VALUED, ...SWITCHES].map((option) => `--${option}`),
    ...Object.keys(ALIASES).map((letter) => `-${letter}`),
  ];
  throw new UsageError(
    `Unknown option ${JSON.stringify(name)}: did you mean ${closestString(name, known)}?`,
  );
}

function single(name: string, values: readonly string[], otherwise?: string): string | undefined {
  if (values.length > 1) {
    throw new UsageError(`--${name} is given ${values.length} times: give it once`);
  }
  if (values[0] === "") throw new UsageError(`--${name} needs a value: --${name}=VALUE`);
  return values[0] ?? otherwise;
}

function chosen(names: readonly string[], experiments: readonly Experiment[]): Experiment[] {
  if (names.length === 0) return [experiments[0]];
  if (names.includes("all")) return [...experiments];
  const known = experiments.map(({ name }) => name);
  return [...new Set(names)].map((name) => {
    const experiment = experiments.find((each) => each.name === name);
    if (experiment !== undefined) return experiment;
    throw new UsageError(
      `Unknown experiment ${JSON.stringify(name)}: did you mean ` +
        `${closestString(name, [...known, "all"])}? --list shows them all`,
    );
  });
}

function onlyInterface(names: readonly string[]): string {
  if (names.length === 0) {
    throw new UsageError('No interface given: fdpass INTERFACE ("ip link" lists the interfaces)');
  }
  if (names.length > 1) {
    const all = names.map((name) => JSON.stringify(name)).join(", ");
    throw new UsageError(`Give one interface, not ${names.length}: ${all}`);
  }
  return names[0];
}

function asWholeNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least || number > most) {
    throw new UsageError(
      `--${name} must be a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`,
    );
  }
  return number;
}

function asFanoutMode(text: string): FanoutMode {
  if (isFanoutMode(text)) return text;
  throw new UsageError(
    `--fanout must be one of ${Object.keys(FANOUT_MODES).join(", ")}, not ${JSON.stringify(text)}`,
  );
}

function asCheckId(text: string): CheckId {
  const id = text.toUpperCase();
  if (isCheckId(id)) return id;
  throw new UsageError(
    `--explain: there is no check ${JSON.stringify(text)}: did you mean ` +
      `${closestString(id, Object.keys(CHECKS))}? --list --verbose shows them all`,
  );
}

function asReceivePath(text: string | undefined): ReceivePath | undefined {
  if (text === undefined || isReceivePath(text)) return text;
  const known = Object.keys(RECEIVE_PATHS);
  throw new UsageError(
    `--receive must be one of ${known.join(", ")}, not ${JSON.stringify(text)}: did you mean ` +
      `${closestString(text, known)}?`,
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
