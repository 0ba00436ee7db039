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
import type { Job, LeftBehind, LoggedCall, RunRecord } from "./injection.ts";
import { type MarkedCall, parseMarkedLog } from "./log.ts";
import { whatIsUntrue } from "./truth.ts";

const FOLDER = new URL("./", import.meta.url).pathname;

/** How long what a run left may take to go, in milliseconds: strace ends after the process that it looks at. */
const TIME_TO_GO = 2000;

/** The system calls that the tool has made on threads of the runtime's, which does not make them itself. */
const ELSEWHERE = ["poll"];

/** Supplementary groups that root has here, so that a setgroups(2) that does nothing is no drop. */
const FORGETTABLE_GROUPS = "4,42";

/** Every system call but those that a runtime makes by the thousand, and that are never the tool's. */
const EVERYTHING = "!futex,madvise,mprotect,brk,rt_sigprocmask,rt_sigaction,epoll_wait,epoll_ctl";

/** How long a string strace shows: the longest mark, and more. */
const LONGEST = "900";

function processes(): Map<number, string> {
  const found = new Map<number, string>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const words = Deno.readTextFileSync(`/proc/${name}/cmdline`).split("\0").join(" ").trim();
      const [, state] = Deno.readTextFileSync(`/proc/${name}/stat`).match(/\) (\w)/)!;
      found.set(Number(name), state === "Z" ? `zombie ${name}` : words);
    } catch {
      // It has ended.
    }
  }
  return found;
}

const interfaces = () =>
  Deno.readTextFileSync("/proc/self/net/dev").split("\n").slice(2)
    .map((line) => line.split(":")[0].trim());

const atFirst = { processes: new Set(processes().keys()), interfaces: new Set(interfaces()) };

function filesUnder(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesUnder(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

const strangers = () => [...processes()].filter(([pid]) => !atFirst.processes.has(pid));

/** What is left after a run and a while; it is ended then. */
async function leftBehind(folder: string): Promise<LeftBehind> {
  const deadline = performance.now() + TIME_TO_GO;
  while (strangers().length > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const left = strangers();
  for (const [pid] of left) end(pid);
  return {
    processes: left.map(([, words]) => words),
    files: filesUnder(folder),
    interfaces: interfaces().filter((name) => !atFirst.interfaces.has(name)),
  };
}

function end(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

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
  const place = `${folder}/place`; // where the run is, and has its temporary files
  const log = `${folder}/log`;
  await Deno.mkdir(place);
  const [strace, ...args] = command(job, log);
  const began = performance.now();
  const process = new Deno.Command(strace, {
    args,
    cwd: place,
    env: { TMPDIR: place, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    strangers().forEach(([pid]) => end(pid));
  }, job.limit);
  const { code, stdout, stderr } = await process.output();
  clearTimeout(timer);
  const milliseconds = Math.round(performance.now() - began);

  const left = await leftBehind(place);
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
