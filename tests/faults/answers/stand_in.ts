/**
 * In libc's place: round every function a wrapper that writes down what it was answered, and answers one call itself, without making it.
 *
 * strace does that from outside, and is a tracer. A hardened worker is looked at by ptrace(2), by its parent (HARD-05) and by its attacker, and a process has one
 * tracer: so the experiments with hardened workers are answered wrongly here, inside the program, one step before libc.
 *
 * @module
 */

import { LIBC_SYMBOLS, type LibcCall, type LibcFunction, wrapCalls } from "../../../ffi/libc.ts";
import { type SyscallName, syscallNumber, SYSCALLS } from "../../../ffi/syscalls.ts";
import { ErrnoSlot } from "../syscalls/errno_slot.ts";
import { DEPTH, placeOf, type Side } from "../syscalls/marks.ts";
import { openJournal } from "./journal.ts";

/** One call of libc's, and what it is answered. */
export interface Answering {
  /** Whose: the name of its journal, such as `child.2` for the second child that was started. */
  readonly process: string;
  readonly libc: string;
  /** The system call, where `libc` is syscall(2); else the same. */
  readonly name: string;
  /** From where in the program, which time. */
  readonly place: string;
  readonly turn: number;
  /** An errno by number, or the result of a success that did not take place. */
  readonly answer: { readonly errno: number } | { readonly result: number };
}

/** A line of a journal, as JSON. What comes later, on another thread, has no result. */
export type Line = [
  ...[libc: string, name: string, place: string, turn: number],
  ...[result: number | null, errno: number, isStandIn: boolean],
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
  const turns = new Map<string, number>();
  wrapCalls((libc: string, { nonblocking }: LibcFunction, call: LibcCall) => {
    if (INFALLIBLE.includes(libc) || RETURNING_POINTERS.includes(libc)) return call;
    return (...args: unknown[]) => {
      const name = libc === "syscall" ? NAMES.get(Number(args[0])) ?? `${args[0]}` : libc;
      // To find out where a call is made from takes longer than most calls.
      if (answering !== undefined && (answering.libc !== libc || answering.name !== name)) {
        return call(...args);
      }
      const place = placeOf(new Error());
      const where = `${libc} ${name} ${place}`;
      const turn = (turns.get(where) ?? 0) + 1;
      turns.set(where, turn);
      const tell = (result: number | null, isStandIn: boolean) => {
        const line: Line = [libc, name, place, turn, result, errno.value, isStandIn];
        write(JSON.stringify(line));
      };
      if (answering?.process === process && answering.place === place && answering.turn === turn) {
        const { answer } = answering;
        errno.value = "errno" in answer ? answer.errno : 0;
        const result = "errno" in answer ? failure(libc, answer.errno) : answer.result;
        tell(result, true);
        errno.write();
        return nonblocking ? Promise.resolve(result) : result;
      }
      const result = call(...args);
      if (nonblocking) {
        tell(null, false);
        return result;
      }
      errno.read();
      tell(Number(result), false);
      errno.write();
      return result;
    };
  });
}
