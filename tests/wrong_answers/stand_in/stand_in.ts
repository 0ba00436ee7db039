/**
 * In libc's place: round every function a wrapper that writes down what it was answered, and answers one call itself, without making it.
 *
 * strace does that from outside, and is a tracer. A child is looked at by ptrace(2), by its parent and by its attacker, and a process has one
 * tracer: so a child is answered wrongly here, inside the program, one step before libc.
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

/** A call of libc's, or every one from some on, and its answer. */
export interface Answering {
  /** Whose: the name of its journal, such as `child.2` for the second child that was started; anybody's if nothing is given. */
  readonly process?: string;
  readonly libc: string;
  /** The system call, where `libc` is syscall(2); else the same. */
  readonly name: string;
  /** From where in the program; from anywhere if nothing is given. */
  readonly place?: string;
  /** Which time from there; from anywhere, that time and every later one. */
  readonly turn: number;
  /** An errno by number, or the result of a success that did not take place. */
  readonly answer: { readonly errno: number } | { readonly result: number };
}

/** A line of a journal, as JSON, with when it was written and which numbers are among the arguments. A call on another thread has no result: that comes later. */
export type Line = [
  ...[libc: string, name: string, place: string, turn: number],
  ...[result: number | null, errno: number, isStandIn: boolean],
  ...[milliseconds: number, numbers: readonly number[]],
];

/** Functions that return an errno instead of keeping it. Source: their manual pages. */
const RETURNING_ERRNO = [
  ...["getgrnam_r", "getpwnam_r", "getpwuid_r", "posix_spawn", "pthread_create", "pthread_join"],
  "pthread_sigmask",
];

/** Functions that cannot fail, or are no business of the kernel's. */
const INFALLIBLE = ["alarm", "getpagesize", "getppid", "memcpy", "memmove", "strlen"];

/** System calls by number, here. */
const NAMES = new Map(
  (Object.keys(SYSCALLS) as SyscallName[]).map((name) => [syscallNumber(name), name] as const),
);

/** These know of no errno. */
const RETURNING_POINTERS = Object.entries(LIBC_SYMBOLS).flatMap(([name, { result }]) =>
  result === "pointer" ? [name] : []
);

/** What a function returns when it has failed. */
function failure(libc: string, errno: number): number {
  if (RETURNING_ERRNO.includes(libc)) return errno;
  return libc === "if_nametoindex" ? 0 : -1;
}

/** Puts the wrapper round every function from now on. Anybody may write to `folder`. */
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
      // To find out where a call is made from takes longer than most calls: only where it matters.
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
