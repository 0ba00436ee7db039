/**
 * A run under strace, and what its log says.
 *
 * @module
 */

import type { Job, LoggedCall, Outcome, RunRecord } from "./injection.ts";
import { type MarkedCall, parseMarkedLog } from "./log.ts";
import { whatIsUntrue } from "./truth.ts";

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
    ...["strace", "-f", "--seccomp-bpf", "-ttt", "-yy", "-s", LONGEST, "-o", `${folder}/log`],
    ...["-e", `trace=${trace ?? EVERYTHING}`],
    ...inject === undefined ? [] : ["-e", `inject=${inject}`],
    ...[Deno.execPath(), "run", "-A", `${FOLDER}marked_main.ts`],
    ...[aim === undefined ? "" : JSON.stringify(aim), ...args],
  ];
}

/** What the log says of the run. */
export async function loggedOf(
  job: Job,
  folder: string,
): Promise<Omit<RunRecord, keyof Outcome>> {
  const calls = parseMarkedLog(await Deno.readTextFile(`${folder}/log`));
  const injected = calls.filter(({ injected }) => injected).map(logged);
  const untrue = untrueIn(job, calls);
  if (job.inject !== undefined) return { injected, untrue };
  const tools = calls.filter(({ libc }) => libc !== undefined).map(logged);
  const most: Record<string, number> = {};
  for (const { name, ordinal } of calls) most[name] = Math.max(most[name] ?? 0, ordinal);
  const elsewhere = calls.filter(({ side, name }) =>
    side === undefined && ELSEWHERE.includes(name)
  );
  return { injected, untrue, calls: tools, elsewhere: elsewhere.map(logged), most };
}

/** Only the main job has somebody who looks at it independently. */
function untrueIn({ args, isUsual }: Job, calls: readonly MarkedCall[]): string[] {
  if (args.includes("-e")) return [];
  return whatIsUntrue(isUsual ? calls.map((call) => ({ ...call, injected: false })) : calls);
}

function logged({ time: _, ...call }: MarkedCall): LoggedCall {
  return { ...call, args: call.args.slice(0, 200) };
}
