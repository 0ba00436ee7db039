/**
 * The command line: what its words mean, and what is said of words that mean nothing.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { closestString } from "@std/text/closest-string";
import { type CheckId, CHECKS, isCheckId } from "../evidence/checks.ts";
import type { Experiment } from "../harness/experiment.ts";
import { UsageError } from "../evidence/errors.ts";
import { KILL_LIMIT, RATE_LIMIT, WORKER_LIMIT } from "../experiments/supervisor/options.ts";
import { asWholeNumber, parseOptions } from "../harness/options.ts";
import { isReceivePath, RECEIVE_PATHS, type ReceivePath } from "../receive/mod.ts";
import { RELAY_DEFAULTS } from "../experiments/relay/options.ts";
import type { FilePaths } from "./view_files.ts";
import type { TextOptions } from "../report/text.ts";
import type { RunOptions } from "../harness/setting.ts";

/** Experiments are to be run. */
export interface RunTask {
  readonly task: "run";
  readonly experiments: readonly Experiment[];
  readonly run: RunOptions;
  /** Which views go into files. */
  readonly files: FilePaths;
  /** Whether files that are there may be replaced. */
  readonly force: boolean;
  /** Whether every call of libc's is told on standard error. */
  readonly trace: boolean;
}

/** What is to be done. */
export type Task =
  | RunTask
  | { readonly task: "explain"; readonly id: CheckId }
  | { readonly task: "list"; readonly verbose: boolean }
  | { readonly task: "help" | "version" };

/** How to speak of it. */
export interface Manner {
  /** What is printed on standard output. */
  readonly view: "text" | "json" | "tap";
  readonly amount: TextOptions["amount"];
  /** Whether `--no-color` was absent. */
  readonly color: boolean;
}

/** The most packets that a run receives: each one is in the report. */
export const COUNT_LIMIT = 100_000;

/** The longest that an experiment may take, in seconds. */
export const TIMEOUT_LIMIT = 3600;

/** Options that take a value, by their long names; experiments have more of their own. */
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
/** Options that take none. */
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

/** What `--help` prints. */
export const HELP =
  `fdpass: does an AF_PACKET socket survive the crossing to an unprivileged process?

Usage: fdpass [OPTIONS] INTERFACE

A root parent opens an AF_PACKET socket and passes it over a Unix socket (SCM_RIGHTS) to a child, which
drops all privileges and goes on receiving. Every claim is a check that can fail.

Options:
  -e, --experiment NAME   privilege-drop (default), authority, io-uring, receive-paths,
                          supervisor, relay, or all; may be repeated
  -l, --list              list the experiments, each with the question that it answers;
                          -v: and what --explain says of each of its checks
      --explain ID        what a check claims, why, what would refute it, and where it is written
  -n, --count N           packets to receive, 1 to ${COUNT_LIMIT} (5)
  -t, --timeout SECONDS   the longest that each experiment may take, up to ${TIMEOUT_LIMIT}
                          (10; authority, receive-paths, supervisor 60)
  -u, --user USER[:GROUP] whom to become, by name or number (nobody:65534);
                          FIRST-LAST[:GROUP] gives each worker of the supervisor a uid of its own
      --stimulus IFACE    where to inject frames (the veth peer of INTERFACE, when it is here), or none
      --receive PATH      how the worker receives: recvmsg (default), recvfrom, recvmmsg, tpacket-v3 (default
                          of relay), io-uring, io-uring-multishot; receive-paths then looks at that one
                          alone; io-uring and supervisor have ways of their own
      --workers N         of the supervisor, 1 to ${WORKER_LIMIT} (2)
      --fanout MODE       which of them a frame goes to: hash (default), cpu, lb, qm
      --kills N           how often one is killed, 1 to ${KILL_LIMIT} (10)
      --rate N            frames per second for them, 100 to ${RATE_LIMIT} (2000)
      --from GROUP:PORT   what is relayed (${RELAY_DEFAULTS.from})
      --to GROUP:PORT     where to (${RELAY_DEFAULTS.to})
      --out IFACE         by which interface (a veth pair to a receiver in a network namespace of its own)
      --harden            the worker under all protections: a receive-only packet socket
      --json              the evidence as one JSON object on standard output
      --tap               the same for a test runner: KTAP, as the kernel's own selftests print it
      --report FILE.html  the reviewer's view: one file, with the sequence diagram of this run
      --pcap FILE.pcapng  what the child received, as a capture file; nothing is overwritten
      --force             unless this is given
      --trace             every libc call of parent and child on standard error, structures field by field
  -q, --quiet             the verdict alone
  -v, --verbose           the evidence of every check
      --no-color          no colour (NO_COLOR, a pipe and TERM=dumb do the same)
  -h, --help              this text
      --version           the version

Exit status:
  0   PASS: every check holds
  1   FAIL: a claim is refuted, or was to be judged and never was (an interrupted run too)
  2   an argument is wrong
  4   could not be answered here: not root, a kernel feature missing, no traffic
  70  a defect of fdpass itself

Examples:
  sudo scripts/netns.sh                   in a private network namespace with a veth pair of its own
  sudo deno run -A main.ts veth-fdpass    on an interface that exists
  sudo deno run -A main.ts --json -n 100 veth-fdpass
`;

/** How the command line asks to be spoken to, found without a complaint: an error, too, is reported in that manner. */
export function mannerOf(args: readonly string[]): Manner {
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
 * Takes the command line apart.
 *
 * @param args Without the program's name.
 * @param experiments Those that there are.
 * @throws {UsageError} If a word is wrong; the message names it, and what would be right.
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

  const value = (name: string, otherwise?: string) =>
    single(name, (words as Record<string, unknown>)[name] as string[], otherwise);
  const id = value("explain");
  if (id !== undefined) return { task: "explain", id: asCheckId(id) };
  if (words.json && words.tap) {
    throw new UsageError("--json and --tap both want standard output; one of them is wanted");
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
      options: parseOptions(experiments, value),
    },
    files: { pcap: value("pcap"), report: value("report") },
    force: words.force,
    trace: words.trace,
  };
}

/** Ties a negative number, or nothing at all, to the option before it: it is a wrong value, and not a word of its own. */
function withValuesTied(args: readonly string[], valued: readonly string[]): string[] {
  const options = valued.flatMap((name) => [
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

function refuseUnknown(word: string, valued: readonly string[]): never {
  const name = word.replace(/=.*$/s, "");
  const known = [
    ...[...valued, ...SWITCHES].map((option) => `--${option}`),
    ...Object.keys(ALIASES).map((letter) => `-${letter}`),
  ];
  throw new UsageError(
    `Unknown option ${JSON.stringify(name)}; the nearest known one is ${
      closestString(name, known)
    }`,
  );
}

function single(name: string, values: readonly string[], otherwise?: string): string | undefined {
  if (values.length > 1) {
    throw new UsageError(`--${name} is given ${values.length} times; once is wanted`);
  }
  if (values[0] === "") throw new UsageError(`--${name} wants a value: --${name}=VALUE`);
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
      `Unknown experiment ${JSON.stringify(name)}; the nearest known one is ` +
        `${closestString(name, [...known, "all"])}, and --list shows them all`,
    );
  });
}

function onlyInterface(names: readonly string[]): string {
  if (names.length === 0) {
    throw new UsageError('No interface given: fdpass INTERFACE; "ip link" shows the interfaces');
  }
  if (names.length > 1) {
    const all = names.map((name) => JSON.stringify(name)).join(", ");
    throw new UsageError(`One interface is wanted, not ${names.length}: ${all}`);
  }
  return names[0];
}

function asCheckId(text: string): CheckId {
  const id = text.toUpperCase();
  if (isCheckId(id)) return id;
  throw new UsageError(
    `--explain: there is no check ${JSON.stringify(text)}; the nearest known one is ` +
      `${closestString(id, Object.keys(CHECKS))}, and --list --verbose shows them all`,
  );
}

function asReceivePath(text: string | undefined): ReceivePath | undefined {
  if (text === undefined || isReceivePath(text)) return text;
  const known = Object.keys(RECEIVE_PATHS);
  throw new UsageError(
    `--receive: ${JSON.stringify(text)} is no way of receiving; the nearest known one is ` +
      `${closestString(text, known)}, of ${known.join(", ")}`,
  );
}

function asTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds <= 0 || seconds > TIMEOUT_LIMIT) {
    throw new UsageError(
      `--timeout: a number of seconds above 0, up to ${TIMEOUT_LIMIT}, is wanted, not ${
        JSON.stringify(text)
      }`,
    );
  }
  return seconds;
}
