/**
 * Plans the injections from the record of an undisturbed run, so that no list of calls has to be
 * kept.
 *
 * Every system call of the parent is answered wrongly: in a loop, the first few turns and the last.
 * At each place in the program, the call pretends to succeed, and fails with a few errnos. For each
 * function of libc, every errno of {@linkcode errnosOf} is tried at some place.
 *
 * @module
 */

import { type SyscallName, SYSCALLS } from "../../../ffi/abi/syscalls.ts";
import { errnoName } from "../../../ffi/mod.ts";
import { errnosOf, isKnown } from "./errnos.ts";
import type { Injection, LoggedCall, Run, RunRecord } from "./injection.ts";
import { isUsual } from "./tolerated.ts";
import { type Aim, type AimElsewhere, idleCall } from "./marks.ts";

/** System calls that libc makes for itself: its callers cannot see their results. */
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

/** mmap(2) and munmap(2) belong to malloc, unless the tool calls them itself. */
const isInternal = ({ name, libc }: LoggedCall) =>
  Object.hasOwn(INTERNAL, name) || ["mmap", "munmap"].includes(name) && libc !== "mmap";

/** An injection in words. */
export function described({ libc, syscall, side, place, turn, answer }: Injection): string {
  const what = "errno" in answer ? answer.errno : `a success that did nothing (${answer.result})`;
  const call = libc === syscall ? libc : `${libc} (${syscall})`;
  return `${side ?? "another thread"}: ${call} #${turn} at ${place}: ${what}`;
}

/** How many turns of a loop are tried, from the first. */
const TURNS = 5;

/** How many errnos are tried at each place, besides the success that did not happen. */
const ERRNOS_A_PLACE = 2;

/**
 * An aim exceeds the most system calls of any thread by this, and doubles it, because the number of
 * inspected threads varies.
 */
const MARGIN = 100;

/** How many idle calls of a name move JavaScript's threads out of the way, to hit other threads. */
const OUT_OF_THE_WAY = 1000;

const LIE = "";

/**
 * Plans the injections for a run.
 *
 * @param run Its arguments and limit.
 * @param clean The record of an undisturbed run.
 * @param again The record of another one. A call that is in one of them only depends on timing, and
 * is not aimed at.
 * @param only Selects the calls of interest.
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
    // The runtime polls once when it starts, and ends if that fails.
    ...dealt(someOf(elsewhere.filter((call) => call.ordinal > 1 && only(call)))).flatMap((
      { call, errno },
    ) => injectionElsewhere(call, errno, run)),
  ];
}

/** The system calls whose errnos are not in errnos.ts. */
export function unknownCalls({ calls = [] }: RunRecord): string[] {
  const names = calls.filter((call) => !isInternal(call)).map(({ name }) => name);
  return [...new Set(names)].filter((name) => !isKnown(name));
}

/**
 * Whether only the tool made system calls of that name on that thread before: then strace's count
 * equals the tool's.
 */
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

/** The first few turns of each loop, and the last. */
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

/** An injection into a call, at a count of strace's. */
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
  // Without its number in ffi/, a call cannot be made idle. Then it is counted from the beginning,
  // on any thread.
  if (!Object.hasOwn(SYSCALLS, syscall)) return [at(String(call.ordinal))];
  const usualIdle = idleAnswer(aim.syscall);
  const looksAsUsual = usualIdle === `-1 ${ERRNO_NUMBERS.get(errno)}` ||
    !usualIdle.startsWith("-1");
  if (looksAsUsual) return isRegular ? [byCounting()] : [];
  return [
    at(`${first}..${first + call.nth}+${call.nth}`, { ...aim, idle: "until answered" }),
  ];
}

/** The system calls of the marks, and those that truth.ts needs. */
const LOOKED_AT = "access,socket,bind,close,sendto,sendmsg";

/** The numbers of the errnos, by name. Source: strerrorname_np(3). */
export const ERRNO_NUMBERS: ReadonlyMap<string, number> = new Map(
  Array.from({ length: 134 }, (_, errno) => [errnoName(errno), errno] as const),
);

const idleAnswers = new Map<string, string>();

/** The answer of an idle call. An injected answer must differ from it. */
function idleAnswer(syscall: SyscallName): string {
  if (!idleAnswers.has(syscall)) idleAnswers.set(syscall, idleCall(syscall)());
  return idleAnswers.get(syscall)!;
}

/**
 * A descriptor that is not open. A call that pretends to make one must not return another's, which
 * would be closed in its place.
 */
const NOT_OPEN = 1000;

/**
 * The result of a success that did not happen: the real one if there was one, otherwise 0. For a
 * comparison: "not the same".
 */
export function successOf({ name, result }: LoggedCall): number {
  if (name === "kcmp") return 1;
  if (/^\d+</.test(result)) return NOT_OPEN;
  const value = Number(result.match(/^\d+/)?.[0] ?? 0);
  return Number.isSafeInteger(value) ? value : 0;
}
