/**
 * Parses the command line of `inspect`.
 *
 * @module
 */

import {
  DEFAULT_TIMEOUT,
  type Expectation,
  EXPECTATIONS,
  type InspectOptions,
  PID_LIMIT,
  PROCESS_LIMIT,
} from "../commands/inspect/options.ts";
import { UsageError } from "../evidence/errors.ts";
import { asTimeout } from "./values.ts";
import { didYouMean } from "./suggestion.ts";
import type { FilePaths } from "./view_files.ts";
import { type KnownOptions, parseWords, type Words } from "./words.ts";

/** The name of the command. */
export const INSPECT = "inspect";

/** The task of inspecting running processes. */
export interface InspectTask {
  readonly task: typeof INSPECT;
  readonly inspect: InspectOptions;
  /** The views that go into files. */
  readonly files: FilePaths;
  /** Whether existing files may be replaced. */
  readonly force: boolean;
}

/** Every option of the command. */
export const INSPECT_OPTIONS: KnownOptions = {
  valued: ["expect", "groups", "timeout", "report", "explain"],
  switches: [
    ...["ask", "tree", "force", "json", "tap", "quiet", "verbose", "no-color"],
    ...["help", "version"],
  ],
};

/**
 * Parses the options of the command.
 *
 * @param args The arguments, without the name of the command.
 * @param others The options of the experiments, which are refused.
 * @throws {UsageError} If an option is unknown here.
 */
export function parseInspectWords(args: readonly string[], others: readonly string[]): Words {
  return parseWords(args, INSPECT_OPTIONS, (name) => {
    if (/^-\d/.test(name)) throw notAPid(name);
    if (!others.includes(name)) return;
    throw new UsageError(`${name} is an option of the experiments, and not of ${INSPECT}`);
  });
}

/**
 * Returns the task.
 *
 * @throws {UsageError} If an argument is wrong. The message names it, and a right one.
 */
export function asInspectTask(words: Words): InspectTask {
  const expect = asExpectation(words.value("expect") ?? "dropped");
  const ask = words.has("ask");
  if (expect === "confined" && !ask) {
    throw new UsageError(
      "--expect confined needs --ask: system call filters can only be read from a stopped " +
        `process: fdpass ${INSPECT} --ask --expect confined PID`,
    );
  }
  return {
    task: INSPECT,
    inspect: {
      expect,
      ask,
      tree: words.has("tree"),
      groups: asGroups(words.value("groups")),
      timeout: asTimeout(words.value("timeout")) ?? DEFAULT_TIMEOUT,
      // last, because an option without its value may have taken the process id instead
      pids: asPids(words.operands),
    },
    files: { report: words.value("report") },
    force: words.has("force"),
  };
}

function asExpectation(text: string): Expectation {
  const found = EXPECTATIONS.find((each) => each === text);
  if (found !== undefined) return found;
  const all = EXPECTATIONS.join(" or ");
  throw new UsageError(
    `--expect: ${JSON.stringify(text)} cannot be expected: ` +
      didYouMean(text, EXPECTATIONS, `it must be ${all}`),
  );
}

function asGroups(text: string | undefined): string[] {
  const names = text?.split(",") ?? [];
  if (names.includes("")) {
    throw new UsageError(
      `--groups must be names or numbers with commas between them, not ${JSON.stringify(text)}`,
    );
  }
  return names;
}

function asPids(operands: readonly string[]): number[] {
  if (operands.length === 0) {
    throw new UsageError(
      `No process given: fdpass ${INSPECT} [OPTIONS] PID… ("pgrep NAME" finds process ids; an ` +
        `interface that is named ${INSPECT} is reached by: fdpass -- ${INSPECT})`,
    );
  }
  if (operands.length > PROCESS_LIMIT) {
    throw new UsageError(`Give at most ${PROCESS_LIMIT} processes, not ${operands.length}`);
  }
  const pids = operands.map(asPid);
  const twice = pids.find((pid, i) => pids.indexOf(pid) !== i);
  if (twice !== undefined) throw new UsageError(`Process ${twice} is given twice`);
  return pids;
}

function asPid(text: string): number {
  const pid = Number(text);
  if (!/^\d+$/.test(text) || pid < 1 || pid > PID_LIMIT) throw notAPid(text);
  return pid;
}

const notAPid = (text: string) =>
  new UsageError(
    `${JSON.stringify(text)} is not a process id: it must be a number from 1 to ${PID_LIMIT} ` +
      '("pgrep NAME" finds process ids)',
  );
