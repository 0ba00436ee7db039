/**
 * Stands in for libc: a wrapper around every function writes each answer into a journal, and
 * answers one call itself without making it.
 *
 * strace does the same from outside, as a tracer. But a process has one tracer at most, and a child
 * is traced by its parent and by its attacker. So the wrong answers for a child come from inside,
 * one step before libc.
 *
 * @module
 */

import {
  LIBC_SYMBOLS,
  type LibcCall,
  type LibcFunction,
  wrapCalls,
} from "../../../ffi/abi/libc.ts";
import { type SyscallName, syscallNumber, SYSCALLS } from "../../../ffi/abi/syscalls.ts";
import { ErrnoSlot } from "../strace/errno_slot.ts";
import { DEPTH, placeOf, type Side } from "../strace/marks.ts";
import { openJournal } from "./journal.ts";
import { pathsWithoutJournals } from "./maps.ts";

/** A call of libc, or every call from some turn on, and the answer that it gets. */
export interface Answering {
  /**
   * The process, by the name of its journal: `child.2` is the second child. Any process by default.
   */
  readonly process?: string;
  readonly libc: string;
  /** The system call, if `libc` is syscall(2); otherwise the same as `libc`. */
  readonly name: string;
  /** The place in the program; any place by default. */
  readonly place?: string;
  /** The ordinal of the call at this place. Without a place, that call and every later one. */
  readonly turn: number;
  /** An errno by number, or the result of a success that did not happen. */
  readonly answer: { readonly errno: number } | { readonly result: number };
}

/**
 * A line of a journal, as JSON, with its time and the numeric arguments. A call on another thread
 * has no result yet.
 */
export type Line = [
  ...[libc: string, name: string, place: string, turn: number],
  ...[result: number | null, errno: number, isStandIn: boolean],
  ...[milliseconds: number, numbers: readonly number[]],
];

/** Functions that return the errno instead of setting it. Source: their manual pages. */
const RETURNING_ERRNO = [
  ...["getgrnam_r", "getpwnam_r", "getpwuid_r", "posix_spawn", "pthread_create", "pthread_join"],
  "pthread_sigmask",
];

/** Functions that cannot fail, or do not ask the kernel. */
const INFALLIBLE = ["alarm", "getpagesize", "getppid", "memcpy", "memmove", "strlen"];

/** The names of the system calls by their numbers on this architecture. */
const NAMES = new Map(
  (Object.keys(SYSCALLS) as SyscallName[]).map((name) => [syscallNumber(name), name] as const),
);

/** Functions that return pointers, and set no errno. */
const RETURNING_POINTERS = Object.entries(LIBC_SYMBOLS).flatMap(([name, { result }]) =>
  result === "pointer" ? [name] : []
);

/** The result of a function that fails. */
function failure(libc: string, errno: number): number {
  if (RETURNING_ERRNO.includes(libc)) return errno;
  return libc === "if_nametoindex" ? 0 : -1;
}

/**
 * Wraps every function from now on.
 *
 * @param side Which process this is.
 * @param folder Where the journals are; anybody may write to it.
 * @param answering The call that is answered wrongly, if any.
 */
export function standIn(side: Side, folder: string, answering?: Answering): void {
  const errno = new ErrnoSlot();
  Error.stackTraceLimit = DEPTH;
  const [process, write] = openJournal(folder, side);
  const withoutJournals = pathsWithoutJournals(folder);
  const turns = new Map<string, number>();
  const isWanted = (place: string, turn: number) =>
    answering !== undefined && (answering.process ?? process) === process &&
    (answering.place === undefined
      ? turn >= answering.turn
      : answering.place === place && turn === answering.turn);
  wrapCalls((libc: string, { nonblocking }: LibcFunction, call: LibcCall) => {
    if (INFALLIBLE.includes(libc) || RETURNING_POINTERS.includes(libc)) return call;
    return (...args: unknown[]) => {
      if (side === "parent" && libc === "open") args[0] = withoutJournals(args[0] as Uint8Array);
      const name = libc === "syscall" ? NAMES.get(Number(args[0])) ?? `${args[0]}` : libc;
      // Finding the place of a call takes longer than most calls, so it is done only where it
      // matters.
      const matters = answering === undefined ||
        answering.libc === libc && answering.name === name;
      const place = matters ? placeOf(new Error()) : "";
      const isAnywhere = answering !== undefined && answering.place === undefined;
      const where = `${libc} ${name} ${isAnywhere ? "" : place}`;
      const turn = (turns.get(where) ?? 0) + 1;
      turns.set(where, turn);
      const report = (result: number | null, isStandIn: boolean) => {
        const numbers = args.flatMap((each) =>
          typeof each === "number" || typeof each === "bigint" ? [Number(each)] : []
        );
        const made = [libc, name, place, turn] as const;
        const line: Line = [...made, result, errno.value, isStandIn, Date.now(), numbers];
        write(JSON.stringify(line));
      };
      if (matters && answering !== undefined && isWanted(place, turn)) {
        const { answer } = answering;
        errno.value = "errno" in answer ? answer.errno : 0;
        const result = "errno" in answer ? failure(libc, answer.errno) : answer.result;
        report(result, true);
        errno.write();
        return nonblocking ? Promise.resolve(result) : result;
      }
      const result = call(...args);
      if (nonblocking) {
        report(null, false);
        return result;
      }
      errno.read();
      report(Number(result), false);
      errno.write();
      return result;
    };
  });
}
