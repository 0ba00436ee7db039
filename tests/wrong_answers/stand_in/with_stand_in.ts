/**
 * Runs with a stand-in for libc: their commands, and their records by the journals.
 *
 * @module
 */

import { errnoName } from "../../../ffi/mod.ts";
import type { Job, Outcome, RunRecord, TimedCall } from "../strace/injection.ts";
import type { Side } from "../strace/marks.ts";
import { isPlainMainJob, untrueClaimsOfChild } from "../strace/truth.ts";
import { readJournals } from "./journal.ts";
import type { Line } from "./stand_in.ts";

const FOLDER = new URL("./", import.meta.url).pathname;

const journalsIn = (folder: string) => `${folder}/journals`;

/** Makes a folder for the journals within the folder of a run. Anybody may write to it. */
export function makeJournals(folder: string): string {
  const journals = journalsIn(folder);
  Deno.mkdirSync(journals);
  Deno.chmodSync(journals, 0o1777);
  return journals;
}

/** The command of a run that keeps its journals in a folder. */
export function commandOf(
  { args, answering }: Pick<Job, "args" | "answering">,
  folder: string,
): string[] {
  return [
    ...[Deno.execPath(), "run", "-A", `${FOLDER}stand_in_main.ts`, makeJournals(folder)],
    ...[answering === undefined ? "" : JSON.stringify(answering), ...args],
  ];
}

/** The calls in the journals of a run. */
export function journalled(folder: string): TimedCall[] {
  return [...readJournals(journalsIn(folder))].flatMap(([process, lines]) =>
    lines.map((line) => logged(process, JSON.parse(line)))
  );
}

/** The record of a run by its journals. */
export function loggedOf({ args, answering }: Job, folder: string): Omit<RunRecord, keyof Outcome> {
  const calls = journalled(folder);
  const injected = calls.filter(({ injected }) => injected);
  const untrue = isPlainMainJob(args) ? untrueClaimsOfChild(calls) : [];
  return { injected, untrue, ...answering === undefined ? { calls } : {} };
}

function logged(process: string, line: Line): TimedCall {
  const [libc, name, place, turn, result, errno, injected, milliseconds, numbers] = line;
  return {
    process,
    side: process.split(".")[0] as Side,
    ...{ libc, name, place, turn, injected },
    result: result === -1 ? `-1 ${errnoName(errno)} ` : `${result ?? "?"}`,
    ...{ tid: 0, ordinal: 0, nth: 1, args: numbers.join(", "), time: milliseconds / 1000 },
  };
}
