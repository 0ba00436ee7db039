/**
 * A run under strace, and what its log says. strace follows the threads of the parent, and lets go of whatever becomes another program: the child has
 * another tracer, its parent. So the child keeps a journal of its own.
 *
 * @module
 */

import { journalled, makeJournals } from "../stand_in/with_stand_in.ts";
import type { Job, LoggedCall, Outcome, RunRecord } from "./injection.ts";
import { type MarkedCall, parseMarkedLog } from "./log.ts";
import { isPlainMainJob, whatIsUntrue } from "./truth.ts";

const FOLDER = new URL("./", import.meta.url).pathname;

/** The system calls that the tool has made on threads of the runtime's, which does not make them itself. */
const ELSEWHERE = ["poll"];

/** Every system call but those that a runtime makes by the thousand, and that are never the tool's. */
const EVERYTHING = "!futex,madvise,mprotect,brk,rt_sigprocmask,rt_sigaction,epoll_wait,epoll_ctl";

/** How long a string strace shows: the longest mark, and more. */
const LONGEST = "900";

/** The command of a run, which keeps its log in a folder. */
export function commandOf({ args, inject, aim, trace }: Job, folder: string): string[] {
  return [
    // Without --seccomp-bpf: its filter would go with the child, which nobody is there to answer any more.
    ...["strace", "-f", "--detach-on=execve"],
    ...["-ttt", "-yy", "-s", LONGEST, "-o", `${folder}/log`],
    ...["-e", `trace=${trace ?? EVERYTHING}`],
    ...inject === undefined ? [] : ["-e", `inject=${inject}`],
    ...[Deno.execPath(), "run", "-A", `${FOLDER}marked_main.ts`],
    ...[makeJournals(folder), aim === undefined ? "" : JSON.stringify(aim), ...args],
  ];
}

/** What the log says of the run. */
export async function loggedOf(
  job: Job,
  folder: string,
): Promise<Omit<RunRecord, keyof Outcome>> {
  const calls = parseMarkedLog(await Deno.readTextFile(`${folder}/log`));
  const injected = calls.filter(({ injected }) => injected).map(logged);
  const untrue = untrueIn(job, calls, folder);
  if (job.inject !== undefined) return { injected, untrue };
  const tools = calls.filter(({ libc }) => libc !== undefined).map(logged);
  const most: Record<string, number> = {};
  for (const { name, ordinal } of calls) most[name] = Math.max(most[name] ?? 0, ordinal);
  const elsewhere = calls.filter(({ side, name }) =>
    side === undefined && ELSEWHERE.includes(name)
  );
  return { injected, untrue, calls: tools, elsewhere: elsewhere.map(logged), most };
}

function untrueIn(
  { args, isUsual }: Job,
  calls: readonly MarkedCall[],
  folder: string,
): string[] {
  if (!isPlainMainJob(args)) return [];
  const parent = isUsual ? calls.map((call) => ({ ...call, injected: false })) : calls;
  return whatIsUntrue(parent, journalled(folder));
}

function logged({ time: _, ...call }: MarkedCall): LoggedCall {
  return { ...call, args: call.args.slice(0, 200) };
}
