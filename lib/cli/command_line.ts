/**
 * Parses the command line.
 *
 * @module
 */

import type { CheckId } from "../evidence/checks.ts";
import type { Experiment } from "../harness/experiment.ts";
import { UsageError } from "../evidence/errors.ts";
import { asWholeNumber, parseOptions } from "../harness/options.ts";
import { isReceivePath, RECEIVE_PATHS, type ReceivePath } from "../receive/mod.ts";
import {
  asInspectTask,
  INSPECT,
  INSPECT_OPTIONS,
  type InspectTask,
  parseInspectWords,
} from "./inspect_line.ts";
import { didYouMean, suggestion } from "./suggestion.ts";
import { asCheckId, asTimeout } from "./values.ts";
import type { FilePaths } from "./view_files.ts";
import type { TextOptions } from "../report/text.ts";
import type { RunOptions } from "../harness/setting.ts";
import {
  beforeDashes,
  firstOperand,
  type KnownOptions,
  optionWords,
  parseLeniently,
  parseWords,
  type Words,
} from "./words.ts";

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
  | InspectTask
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

/** The options of `inspect` that no experiment has, as words. */
const INSPECT_ALONE = optionWords([...INSPECT_OPTIONS.valued, ...INSPECT_OPTIONS.switches])
  .filter((word) => !optionWords([...VALUED, ...SWITCHES]).includes(word));

/** Every option of the experiments. */
function optionsOf(experiments: readonly Experiment[]): KnownOptions {
  return {
    valued: [...VALUED, ...experiments.flatMap(({ options }) => options?.names ?? [])],
    switches: SWITCHES,
  };
}

/**
 * Returns how the command line asks for the result to be printed. Never throws, because an error in
 * the command line is printed that way too.
 */
export function outputStyleOf(args: readonly string[]): OutputStyle {
  const words = parseLeniently(beforeDashes(args), {
    valued: [...VALUED, ...INSPECT_OPTIONS.valued],
    switches: [...SWITCHES, ...INSPECT_OPTIONS.switches],
  });
  return {
    view: words.has("json") ? "json" : words.has("tap") ? "tap" : "text",
    amount: words.has("quiet") ? "quiet" : words.has("verbose") ? "verbose" : "normal",
    color: !words.has("no-color"),
  };
}

/**
 * Parses the command line. It is that of `inspect` if this is its first word, options apart.
 *
 * @param args The arguments, without the program's name.
 * @param experiments All experiments.
 * @throws {UsageError} If an argument is wrong. The message names it, and a right one.
 */
export function parseCommandLine(
  args: readonly string[],
  experiments: readonly Experiment[],
): Task {
  const known = optionsOf(experiments);
  const first = firstOperand(args, [...known.valued, ...INSPECT_OPTIONS.valued]);
  if (first !== undefined && args[first] === INSPECT) {
    const others = optionWords([...known.valued, ...known.switches]);
    const words = parseInspectWords(args.toSpliced(first, 1), others);
    return commonTask(words) ?? asInspectTask(words);
  }
  const words = parseWords(args, known, (name) => {
    if (!INSPECT_ALONE.includes(name)) return;
    throw new UsageError(
      `${name} is an option of ${INSPECT}, and not of the experiments: fdpass ${INSPECT} PID`,
    );
  });
  return commonTask(words) ?? asRunTask(words, args, experiments);
}

/** Returns the task that an option of every command asks for; `undefined` if none does. */
function commonTask(words: Words): Task | undefined {
  for (const task of ["help", "version"] as const) if (words.has(task)) return { task };
  if (words.has("list")) return { task: "list", verbose: words.has("verbose") };
  const id = words.value("explain");
  if (id !== undefined) return { task: "explain", id: asCheckId(id) };
  if (words.has("json") && words.has("tap")) {
    throw new UsageError("--json and --tap both print on standard output: give one of them");
  }
  return undefined;
}

function asRunTask(
  words: Words,
  args: readonly string[],
  experiments: readonly Experiment[],
): RunTask {
  const value = (name: string) => words.value(name);
  const wanted = chosen(words.values("experiment"), experiments);
  refuseOptionsOfOthers(experiments, wanted, value);
  const run = {
    count: asWholeNumber("count", value("count") ?? "5", 1, COUNT_LIMIT),
    timeout: asTimeout(value("timeout")),
    user: value("user") ?? "nobody:65534",
    stimulus: value("stimulus"),
    harden: words.has("harden"),
    receive: asReceivePath(value("receive")),
    options: parseOptions(experiments, value),
  };
  const files = { pcap: value("pcap"), report: value("report") };
  return {
    task: "run",
    experiments: wanted,
    // last, because an option without its value may have taken the interface instead
    run: {
      interface: onlyInterface(words.operands, args, optionsOf(experiments).valued),
      ...run,
    },
    files,
    force: words.has("force"),
    trace: words.has("trace"),
  };
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
    const guess = suggestion(names[0], [INSPECT]);
    throw new UsageError(
      `Give one interface, not ${names.length}: ${all}` +
        (guess === undefined ? "" : `: did you mean fdpass ${guess}?`),
    );
  }
  return names[0];
}

function asReceivePath(text: string | undefined): ReceivePath | undefined {
  if (text === undefined || isReceivePath(text)) return text;
  const known = Object.keys(RECEIVE_PATHS);
  throw new UsageError(
    `--receive: ${JSON.stringify(text)} is not a receive path: ` +
      didYouMean(text, known, `they are ${known.join(", ")}`),
  );
}
