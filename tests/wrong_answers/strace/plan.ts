/**
 * From a run as it is to what is to be tried: nobody lists the calls.
 *
 * Every system call that the parent makes is answered wrongly (of a loop, the first turns and the last); at each place in the program that it is made from, with the lie that
 * it succeeded and with a few errnos; and for each function of libc's, every errno of {@linkcode errnosOf} at some place.
 *
 * @module
 */

import { type SyscallName, SYSCALLS } from "../../../ffi/abi/syscalls.ts";
import { errnoName } from "../../../ffi/mod.ts";
import { errnosOf, isKnown } from "./errnos.ts";
import type { Job, LoggedCall, RunRecord } from "./injection.ts";
import { isUsual } from "./tolerated.ts";
import { type Aim, type AimElsewhere, idleCall, type Side } from "./marks.ts";

/** What libc or the runtime of C does for itself: whoever calls it has no say in it. */
const INTERNAL: { readonly [syscall: string]: string } = {
  futex: "locks of libc's, and of the garbage collector that stops the thread",
  getpid: "libc asks it before it signals its threads; it cannot fail",
  brk: "malloc",
  madvise: "malloc",
  mprotect: "malloc",
  rt_sigprocmask: "libc holds signals off while it starts a thread or a process",
  rt_sigreturn: "the way back from a signal",
  restart_syscall: "the kernel goes on with a call",
};

/** mmap(2) and munmap(2) are malloc's, unless the tool calls them itself. */
const isInternal = ({ name, libc }: LoggedCall) =>
  Object.hasOwn(INTERNAL, name) || ["mmap", "munmap"].includes(name) && libc !== "mmap";

/** One wrong answer. */
export interface Injection {
  /** The function of libc's that is called, the system call that it makes, and by whom; `undefined` for one on a thread of the runtime's. */
  readonly libc: string;
  readonly syscall: string;
  readonly side: Side | undefined;
  readonly place: string;
  readonly turn: number;
  /** An errno by name, or the result of a success that did not take place. */
  readonly answer: { readonly errno: string } | { readonly result: number };
  /** What the kernel answered in the run as it is. */
  readonly usual: string;
  readonly job: Job;
}

/** How an injection reads. */
export function described({ libc, syscall, side, place, turn, answer }: Injection): string {
  const what = "errno" in answer ? answer.errno : `a success that did nothing (${answer.result})`;
  const call = libc === syscall ? libc : `${libc} (${syscall})`;
  return `${side ?? "another thread"}: ${call} #${turn} at ${place}: ${what}`;
}

/** How many turns of a loop are tried, from the first on. */
const TURNS = 5;

/** How many errnos are tried at each place, beside the success that did nothing. */
const ERRNOS_A_PLACE = 2;

/** More than any thread makes of any system call is this, and twice what the busiest one made: how many threads the child has, which are looked at, varies. */
const MARGIN = 100;

/** How many of a name JavaScript's threads make before, where those of other threads are meant. */
const OUT_OF_THE_WAY = 1000;

const LIE = "";

/** What is tried of a run: its arguments, and when it must have ended. */
export type Run = Pick<Job, "args" | "limit" | "by">;

/**
 * The injections for a run.
 *
 * @param clean What came of it without any.
 * @param again What came of it a second time: a call that is made in one of them alone depends on the moment, and is not aimed at.
 * @param only Which of the tool's calls are of interest.
 */
export function planFor(
  run: Run,
  { calls = [], elsewhere = [], most = {} }: RunRecord,
  again: RunRecord,
  only: (call: LoggedCall) => boolean = () => true,
): Injection[] {
  const keyOf = ({ side, libc, place, turn, name, nth }: LoggedCall) =>
    [side, libc, place, turn, name, nth].join();
  const seenAgain = new Set(again.calls!.map(keyOf));
  const own = calls.filter((call) => !isInternal(call) && seenAgain.has(keyOf(call)) && only(call));
  const kinds = Map.groupBy(own, ({ side, libc, name }) => `${side} ${libc} ${name}`);
  const isRegular = regular(calls);
  return [
    ...[...kinds.values()].flatMap((occurrences) =>
      dealt(someOf(occurrences)).flatMap(({ call, errno }) =>
        injectionsOf(call, errno, most[call.name], run, isRegular(call))
      )
    ),
    // The runtime polls once when it starts, and ends if it cannot.
    ...dealt(someOf(elsewhere.filter((call) => call.ordinal > 1 && only(call)))).flatMap((
      { call, errno },
    ) => injectionElsewhere(call, errno, run)),
  ];
}

/** The system calls of which errnos.ts does not know what they may answer. */
export function unknownCalls({ calls = [] }: RunRecord): string[] {
  const names = calls.filter((call) => !isInternal(call)).map(({ name }) => name);
  return [...new Set(names)].filter((name) => !isKnown(name));
}

/** Whether nobody but the tool made a system call of that name on that thread before: strace's count is then the tool's. */
function regular(calls: readonly LoggedCall[]): (call: LoggedCall) => boolean {
  const counts = new Map<string, number>();
  const regular = new Set<LoggedCall>();
  for (const call of calls) {
    const key = `${call.tid} ${call.name}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (call.ordinal === counts.get(key)) regular.add(call);
  }
  return (call) => regular.has(call);
}

/** Of the turns of a loop, the first few and the last are taken. */
function someOf(occurrences: readonly LoggedCall[]): LoggedCall[] {
  const places = Map.groupBy(occurrences, ({ place }) => place);
  return [...places.values()].flatMap((turns) =>
    turns.filter((_, i) => i < TURNS || i === turns.length - 1)
  );
}

/** Deals the errnos over the occurrences of one call. */
function dealt(occurrences: readonly LoggedCall[]): { call: LoggedCall; errno: string }[] {
  const deck = occurrences.length === 0 ? [] : errnosOf(occurrences[0].name);
  const dealt: { call: LoggedCall; errno: string }[] = [];
  let next = 0;
  const deal = (call: LoggedCall) => dealt.push({ call, errno: deck[next++ % deck.length] });
  const places = new Set<string>();
  for (const call of occurrences) {
    deal(call);
    const where = `${call.place} ${call.nth}`;
    if (places.has(where)) continue;
    places.add(where);
    dealt.push({ call, errno: LIE });
    for (let more = 1; more < ERRNOS_A_PLACE; more++) deal(call);
  }
  for (let i = 0; next < deck.length && occurrences.length > 0; i++) {
    deal(occurrences[i % occurrences.length]);
  }
  return dealt;
}

/** The injection into a call, when strace has counted so many of its name. */
function injection(
  call: LoggedCall,
  errno: string,
  run: Run,
  when: string,
  aim?: Aim | AimElsewhere,
): Injection {
  const { libc = "poll", name: syscall, side, place, turn, result: usual } = call;
  const answer = errno === LIE ? { result: successOf(call) } : { errno };
  const tamper = "errno" in answer ? `error=${answer.errno}` : `retval=${answer.result}`;
  const job = {
    ...run,
    trace: `${LOOKED_AT},${syscall}`,
    inject: `${syscall}:${tamper}:when=${when}`,
  };
  return {
    ...{ libc, syscall, side, place, turn, answer, usual },
    job: {
      ...job,
      ...aim === undefined ? {} : { aim },
      ...isUsual({ syscall, answer, usual }) ? { isUsual: true } : {},
    },
  };
}

function injectionElsewhere(call: LoggedCall, errno: string, run: Run): Injection {
  const aim = { syscall: call.name as SyscallName, idle: OUT_OF_THE_WAY };
  return injection(call, errno, run, String(call.ordinal), aim);
}

function injectionsOf(
  call: LoggedCall,
  errno: string,
  most: number,
  run: Run,
  isRegular: boolean,
): Injection[] {
  const { libc, name: syscall, place, turn } = call;
  const aim = { libc: libc!, place, turn, syscall: syscall as SyscallName };
  const first = 2 * most + MARGIN;
  const at = (when: string, aim?: Aim) => injection(call, errno, run, when, aim);
  const byCounting = () => at(String(first + call.ordinal), { ...aim, idle: first });
  // One without a number in ffi/ cannot be made to do nothing: it is counted from the beginning, on whatever thread.
  if (!Object.hasOwn(SYSCALLS, syscall)) return [at(String(call.ordinal))];
  const usualIdle = idleAnswer(aim.syscall);
  const looksAsUsual = usualIdle === `-1 ${ERRNO_NUMBERS.get(errno)}` ||
    !usualIdle.startsWith("-1");
  if (looksAsUsual) return isRegular ? [byCounting()] : [];
  return [
    at(`${first}..${first + call.nth}+${call.nth}`, { ...aim, idle: "until answered" }),
  ];
}

/** The marks, and what truth.ts asks for. */
const LOOKED_AT = "access,socket,bind,close,sendto,sendmsg";

/** errnos by name. Source: strerrorname_np(3). */
export const ERRNO_NUMBERS: ReadonlyMap<string, number> = new Map(
  Array.from({ length: 134 }, (_, errno) => [errnoName(errno), errno] as const),
);

const idleAnswers = new Map<string, string>();

/** What the system call answers when it is made to do nothing. What strace answers must look different. */
function idleAnswer(syscall: SyscallName): string {
  if (!idleAnswers.has(syscall)) idleAnswers.set(syscall, idleCall(syscall)());
  return idleAnswers.get(syscall)!;
}

/**
 * A descriptor that is not open: a call that made none has not made another's, which that other would lose when it is closed.
 */
const NOT_OPEN = 1000;

/** What a success of the call would be: what it was, or 0 where it was none. Of a comparison, that what is compared is not the same. */
export function successOf({ name, result }: LoggedCall): number {
  if (name === "kcmp") return 1;
  if (/^\d+</.test(result)) return NOT_OPEN;
  const value = Number(result.match(/^\d+/)?.[0] ?? 0);
  return Number.isSafeInteger(value) ? value : 0;
}
