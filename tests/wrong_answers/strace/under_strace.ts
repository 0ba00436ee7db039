/**
 * Runs under strace: their commands, and their records by strace's log. strace follows the threads
 * of the parent and detaches from every other program, because the child has another tracer, its
 * parent. So the child keeps a journal of its own.
 *
 * @module
 */

import { journalled, makeJournals } from "../stand_in/with_stand_in.ts";
import type { Job, LoggedCall, Outcome, RunRecord, TimedCall } from "./injection.ts";
import { parseMarkedLog } from "./log.ts";
import { isPlainMainJob, untrueClaims } from "./truth.ts";

const FOLDER = new URL("./", import.meta.url).pathname;

/**
 * The system calls that the tool makes on threads of the runtime, and the runtime does not make
 * there itself.
 */
const ELSEWHERE = ["poll"];

/** Every system call except those that a runtime makes by the thousand, and the tool never. */
const EVERYTHING = "!futex,madvise,mprotect,brk,rt_sigprocmask,rt_sigaction,epoll_wait,epoll_ctl";

/** How much of a string strace shows, in bytes: more than the longest mark. */
const LONGEST = "2000";

/** The command of a run that keeps its log in a folder. */
export function commandOf({ args, inject, aim, trace }: Job, folder: string): string[] {
  return [
    // Without --seccomp-bpf: the child would inherit its filter, with no tracer left to answer it.
    ...["strace", "-f", "--detach-on=execve"],
    ...["-ttt", "-yy", "-s", LONGEST, "-o", `${folder}/log`],
    ...["-e", `trace=${trace ?? EVERYTHING}`],
    ...inject === undefined ? [] : ["-e", `inject=${inject}`],
    ...[Deno.execPath(), "run", "-A", `${FOLDER}marked_main.ts`],
    ...[makeJournals(folder), aim === undefined ? "" : JSON.stringify(aim), ...args],
  ];
}

/** The record of a run by its log. */
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
  calls: readonly TimedCall[],
  folder: string,
): string[] {
  if (!isPlainMainJob(args)) return [];
  const parent = isUsual ? calls.map((call) => ({ ...call, injected: false })) : calls;
  return untrueClaims(parent, journalled(folder));
}

function logged({ time: _, ...call }: TimedCall): LoggedCall {
  return { ...call, args: call.args.slice(0, 200) };
}
