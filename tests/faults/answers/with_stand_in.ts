/**
 * A run with a stand-in for libc, and what its journals say.
 *
 * @module
 */

import { errnoName } from "../../../ffi/mod.ts";
import type { Job, LoggedCall, Outcome, RunRecord } from "../syscalls/injection.ts";
import type { Side } from "../syscalls/marks.ts";
import { readJournals } from "./journal.ts";
import type { Line } from "./stand_in.ts";

const FOLDER = new URL("./", import.meta.url).pathname;

const journalsIn = (folder: string) => `${folder}/journals`;

/** The command of a run, which keeps its journals in a folder. */
export function commandOf({ args, answering }: Job, folder: string): string[] {
  Deno.mkdirSync(journalsIn(folder));
  Deno.chmodSync(journalsIn(folder), 0o1777);
  return [
    ...[Deno.execPath(), "run", "-A", `${FOLDER}stood_in_main.ts`, journalsIn(folder)],
    ...[answering === undefined ? "" : JSON.stringify(answering), ...args],
  ];
}

/** What the journals say of the run. */
export function loggedOf({ answering }: Job, folder: string): Omit<RunRecord, keyof Outcome> {
  const calls = [...readJournals(journalsIn(folder))].flatMap(([process, lines]) =>
    lines.map((line) => logged(process, JSON.parse(line)))
  );
  const injected = calls.filter(({ injected }) => injected);
  return { injected, untrue: [], ...answering === undefined ? { calls } : {} };
}

function logged(process: string, line: Line): LoggedCall {
  const [libc, name, place, turn, result, errno, injected] = line;
  return {
    process,
    side: process.split(".")[0] as Side,
    ...{ libc, name, place, turn, injected },
    result: result === -1 ? `-1 ${errnoName(errno)} ` : `${result ?? "?"}`,
    ...{ tid: 0, ordinal: 0, nth: 1, args: "" },
  };
}
