/**
 * Marks in an strace log, which tell the tool's system calls from those of its runtime.
 *
 * Every function of libc gets a wrapper, as with `--trace`. Before and after the call, the wrapper
 * makes a system call that does nothing: access(2) with a path that names the function and its
 * place in the program. So every system call of that thread between the two belongs to the tool.
 * errno is restored after the second mark. A call on another thread (`nonblocking`) is marked where
 * it begins; its system call appears on a thread of the runtime. The thousands of calls by which
 * the parent inspects the child have no marks: the stand-in answers those.
 *
 * strace counts the system calls of each thread by name (`when=`), and follows every thread of the
 * parent. An {@linkcode Aim} hits one of them and no other: just before the tool's call, its thread
 * makes idle system calls of that name, more than any other thread makes. If the runtime makes some
 * of that name on the same thread, their number is unknown. Then the thread makes idle calls until
 * strace answers one, and after that as many as are missing until strace answers again.
 *
 * @module
 */

import { type LibcCall, type LibcFunction, wrapCalls } from "../../../ffi/abi/libc.ts";
import { type SyscallName, syscallNumber } from "../../../ffi/abi/syscalls.ts";
import { isInspecting } from "../stand_in/inspecting.ts";
import { pathsWithoutJournals } from "../stand_in/maps.ts";
import { ErrnoSlot } from "./errno_slot.ts";

/** The path of each mark begins with this and a slash. */
export const MARK = "fdpass-mark";

/** The process that makes a call. */
export type Side = "parent" | "child";

/** A system call of the tool on JavaScript's thread, to be hit whatever else happens. */
export interface Aim {
  /** The function of libc, the place of the call, and its ordinal there. */
  readonly libc: string;
  readonly place: string;
  readonly turn: number;
  readonly syscall: SyscallName;
  /**
   * The number of idle calls before it; `"until answered"` to make them until strace answers one.
   */
  readonly idle: number | "until answered";
}

/**
 * A system call on a thread of the runtime: idle calls first move JavaScript's threads out of its
 * way.
 */
export interface AimElsewhere {
  readonly syscall: SyscallName;
  readonly idle: number;
}

/** The most idle calls until strace must have answered one. */
const PATIENCE = 20_000;

const ONLY_MEMORY = ["memcpy", "memmove", "strlen", "__errno_location", "getpagesize"];

/** The number of stack frames that identify a place, for {@linkcode placeOf}. */
export const DEPTH = 12;

/**
 * Makes a function that makes an idle system call: one that does nothing and always gives the same
 * answer, because each of its arguments is -1.
 *
 * @returns A function that returns the result, a space, and the errno.
 */
export function idleCall(name: SyscallName): () => string {
  const { symbols } = Deno.dlopen("libc.so.6", {
    syscall: {
      parameters: ["isize", "isize", "isize", "isize", "isize", "isize", "isize"],
      result: "i32",
    },
  });
  const errno = new ErrnoSlot();
  const number = BigInt(syscallNumber(name) ?? -1);
  const nothing = name === "alarm" ? 0n : -1n; // alarm(2) would accept -1
  return () => {
    const result = symbols.syscall(number, nothing, nothing, nothing, nothing, nothing, nothing);
    return result === -1 ? `-1 ${errno.read()}` : String(result);
  };
}

/**
 * Marks every call of libc from now on.
 *
 * @param folder Where the child's journals are.
 * @param aim The call to hit, if any.
 */
export function markCalls(folder: string, aim?: Aim | AimElsewhere): void {
  const { symbols } = Deno.dlopen("libc.so.6", {
    access: { parameters: ["buffer", "i32"], result: "i32" },
  });
  const errno = new ErrnoSlot();
  const encoder = new TextEncoder();
  const mark = (words: string) => symbols.access(encoder.encode(`${MARK}/${words}\0`), 0);
  mark("the first, which binds");
  Error.stackTraceLimit = DEPTH;

  const idle = aim === undefined ? () => "" : idleCall(aim.syscall);
  idle();
  const takeAim = ({ idle: count }: Aim) => {
    if (count === "until answered") {
      const usual = idle();
      for (let calls = 0; calls < PATIENCE && idle() === usual; calls++);
      // one was made above, to bind the function
    } else for (let calls = 1; calls < count; calls++) idle();
  };
  if (aim !== undefined && !("libc" in aim)) { for (let i = 0; i < aim.idle; i++) idle(); }

  const isAt = ({ libc, place, turn }: Aim, ...at: [string, string, number]) =>
    libc === at[0] && place === at[1] && turn === at[2];
  const withoutJournals = pathsWithoutJournals(folder);
  const turns = new Map<string, number>();
  wrapCalls((name: string, { nonblocking }: LibcFunction, call: LibcCall) => {
    if (ONLY_MEMORY.includes(name)) return call;
    return (...args: unknown[]) => {
      if (name === "open") args[0] = withoutJournals(args[0] as Uint8Array);
      const place = placeOf(new Error());
      if (isInspecting(place)) return call(...args);
      const where = `${name} ${place}`;
      turns.set(where, (turns.get(where) ?? 0) + 1);
      if (aim !== undefined && "libc" in aim && isAt(aim, name, place, turns.get(where)!)) {
        takeAim(aim);
      }
      mark(`${nonblocking ? "elsewhere" : "begin"}/${name}/${place}`);
      const result = call(...args);
      if (nonblocking) return result;
      errno.read();
      mark(`end/${name}`);
      errno.write();
      return result;
    };
  });
}

/**
 * The place where an error was created: functions and lines, innermost first, such as
 * `close@ffi/process/descriptor.ts:27 OwnedFd.close@ffi/process/descriptor.ts:120`.
 */
export function placeOf(error: Error): string {
  return error.stack!.split("\n").slice(2).map(nameOf).filter((frame) => frame !== "").join(" ");
}

const PROJECT = new URL("../../../", import.meta.url).href;

/** The programs and wrappers of these tests, which are no places of the tool. */
const OURS = [
  "tests/wrong_answers/strace/marked_main.ts",
  "tests/wrong_answers/stand_in/stand_in_calls.ts",
  "tests/wrong_answers/stand_in/stand_in_child.ts",
  "tests/wrong_answers/stand_in/stand_in_main.ts",
];

/**
 * Turns a line of a stack, such as `    at OwnedFd.close (file:///…/descriptor.ts:120:7)`, into a
 * frame of a place; empty if it is not part of the program.
 */
function nameOf(frame: string): string {
  if (!/:\d+\)?$/.test(frame)) return "";
  const called = frame.trimStart().replace(/^at (async )?/, "");
  const open = called.lastIndexOf(" (");
  const name = called.slice(0, Math.max(open, 0));
  const url = called.slice(open === -1 ? 0 : open + 2, called.lastIndexOf(":"));
  const place = url.startsWith(PROJECT) ? url.slice(PROJECT.length) : url;
  const [path] = place.split(/[:?]/); // before the line, or the query
  return OURS.includes(path) ? "" : `${name}@${place}`;
}
