/**
 * Makes runs under strace, one after another, in the namespaces that this program is in: a network and a PID namespace of its own.
 *
 *     scripts/netns.sh deno run -A tests/faults/syscalls/lane.ts
 *
 * Each line of standard input is a {@linkcode Job} as JSON; each line of standard output a {@linkcode RunRecord}.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import { Place } from "../../support/left_behind.ts";
import type { Job, LoggedCall, RunRecord } from "./injection.ts";
import { type MarkedCall, parseMarkedLog } from "./log.ts";
import { whatIsUntrue } from "./truth.ts";

const FOLDER = new URL("./", import.meta.url).pathname;

/** The system calls that the tool has made on threads of the runtime's, which does not make them itself. */
const ELSEWHERE = ["poll"];

/** Supplementary groups that root has here, so that a setgroups(2) that does nothing is no drop. */
const FORGETTABLE_GROUPS = "4,42";

/** Every system call but those that a runtime makes by the thousand, and that are never the tool's. */
const EVERYTHING = "!futex,madvise,mprotect,brk,rt_sigprocmask,rt_sigaction,epoll_wait,epoll_ctl";

/** How long a string strace shows: the longest mark, and more. */
const LONGEST = "900";

function command(
  { args, inject, aim, trace }: Job,
  log: string,
): [string, ...string[]] {
  return [
    ...["setpriv", "--groups", FORGETTABLE_GROUPS] as const,
    ...["strace", "-f", "--seccomp-bpf", "-ttt", "-yy", "-s", LONGEST, "-o", log],
    ...["-e", `trace=${trace ?? EVERYTHING}`],
    ...inject === undefined ? [] : ["-e", `inject=${inject}`],
    ...[Deno.execPath(), "run", "-A", `${FOLDER}marked_main.ts`],
    ...[aim === undefined ? "" : JSON.stringify(aim), ...args],
  ];
}

async function run(job: Job): Promise<RunRecord> {
  const folder = await Deno.makeTempDir();
  const here = `${folder}/place`; // where the run is, and has its temporary files
  const log = `${folder}/log`;
  await Deno.mkdir(here);
  const place = new Place(here);
  const [strace, ...args] = command(job, log);
  const began = performance.now();
  const process = new Deno.Command(strace, {
    args,
    cwd: here,
    env: { TMPDIR: here, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    place.endStrangers();
  }, job.limit);
  const { code, stdout, stderr } = await process.output();
  clearTimeout(timer);
  const milliseconds = Math.round(performance.now() - began);

  const left = await place.leftBehind();
  place.endStrangers();
  const calls = parseMarkedLog(await Deno.readTextFile(log));
  await Deno.remove(folder, { recursive: true });
  const decoder = new TextDecoder();
  const record: RunRecord = {
    job,
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
    milliseconds,
    hung,
    left,
    injected: calls.filter(({ injected }) => injected).map(logged),
    untrue: untrueIn(job, calls),
  };
  if (job.inject !== undefined) return record;
  const tools = calls.filter(({ libc }) => libc !== undefined).map(logged);
  const most: Record<string, number> = {};
  for (const { name, ordinal } of calls) most[name] = Math.max(most[name] ?? 0, ordinal);
  const elsewhere = calls.filter(({ side, name }) =>
    side === undefined && ELSEWHERE.includes(name)
  );
  return { ...record, calls: tools, elsewhere: elsewhere.map(logged), most };
}

/** Only the main job has somebody who looks at it independently. */
function untrueIn({ args, isUsual }: Job, calls: readonly MarkedCall[]): string[] {
  if (args.includes("-e")) return [];
  return whatIsUntrue(isUsual ? calls.map((call) => ({ ...call, injected: false })) : calls);
}

function logged({ time: _, ...call }: MarkedCall): LoggedCall {
  return { ...call, args: call.args.slice(0, 200) };
}

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
  .pipeThrough(new TextLineStream());
for await (const line of lines) {
  // deno-lint-ignore no-console -- the record
  console.log(JSON.stringify(await run(JSON.parse(line as string))));
}
