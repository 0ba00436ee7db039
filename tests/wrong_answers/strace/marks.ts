/**
 * Marks in an strace log: which system calls the tool made, and which its runtime made by itself.
 *
 * Theory of operation. Every function of libc's gets a wrapper, as `--trace` does it. Before the call, and after it, it makes a system call
 * that does nothing: access(2) of a path that says which call it is, and from where in the program. So whatever system call of that thread lies
 * between the two is the tool's. errno is put back after the second mark. A call on another thread (`nonblocking`) is marked when it
 * begins; its own system call comes on a thread of the runtime's. The thousands of calls by which the parent looks into the child have no mark: the stand-in
 * answers those.
 *
 * strace counts the system calls of each thread by name (`when=`), and follows every thread of the parent. So that one of them is hit and no other, there
 * is an {@linkcode Aim}: just before the tool's call, its thread makes system calls of that name that do nothing, more than any other thread makes. Where the
 * runtime makes some of that name on the same thread, nobody knows how many before; then it makes them until one of them is answered by strace, and
 * after that as many as are missing until strace answers again.
 *
 * @module
 */

import { type LibcCall, type LibcFunction, wrapCalls } from "../../../ffi/abi/libc.ts";
import { type SyscallName, syscallNumber } from "../../../ffi/abi/syscalls.ts";
import { isInspecting } from "../stand_in/inspecting.ts";
import { pathsWithoutJournals } from "../stand_in/maps.ts";
import { ErrnoSlot } from "./errno_slot.ts";

/** The path of each mark begins with this; a slash follows. */
export const MARK = "fdpass-mark";

/** Who makes a call. */
export type Side = "parent" | "child";

/** One system call of the tool's, to be hit whatever else is going on. */
export interface Aim {
  /** Where it is: the function of libc's, from where in the program, which time. */
  readonly libc: string;
  readonly place: string;
  readonly turn: number;
  readonly syscall: SyscallName;
  /** How many that do nothing are made before it; `"until answered"` for as many as it takes until strace answers one. */
  readonly idle: number | "until answered";
}

/** A system call on a thread of the runtime's: what JavaScript's threads make of that name is to be out of the way. */
export interface AimElsewhere {
  readonly syscall: SyscallName;
  readonly idle: number;
}

/** How many system calls of one name are made at most until strace answers one. */
const PATIENCE = 20_000;

const ONLY_MEMORY = ["memcpy", "memmove", "strlen", "__errno_location", "getpagesize"];

/** How many frames of the program's stack tell one place from another, for {@linkcode placeOf}. */
export const DEPTH = 12;

/**
 * A system call that does nothing, and says so in one and the same way: with nothing but -1 for arguments.
 *
 * @returns What makes it, and returns its result, a space, and its errno.
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
  const nothing = name === "alarm" ? 0n : -1n; // alarm(2) takes -1 for a time
  return () => {
    const result = symbols.syscall(number, nothing, nothing, nothing, nothing, nothing, nothing);
    return result === -1 ? `-1 ${errno.read()}` : String(result);
  };
}

/** Marks every call of libc's from now on. The child's journals are in a folder. */
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
    } else for (let calls = 1; calls < count; calls++) idle(); // one was made to bind it
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

/** Where in the program an error was made: functions and lines, innermost first, such as `close@ffi/process/descriptor.ts:27 OwnedFd.close@ffi/process/descriptor.ts:120`. */
export function placeOf(error: Error): string {
  return error.stack!.split("\n").slice(2).map(nameOf).filter((frame) => frame !== "").join(" ");
}

const PROJECT = new URL("../../../", import.meta.url).href;

const basename = (url: string) => url.slice(url.lastIndexOf("/") + 1);

/** Of the wrappers themselves. */
const OURS = /\/(marked|stand_in)_/;

/** A line of a stack, such as `    at OwnedFd.close (file:///…/descriptor.ts:120:7)`; empty where it is of no place in the program. */
function nameOf(frame: string): string {
  if (!/:\d+\)?$/.test(frame) || OURS.test(frame)) return "";
  const called = frame.trimStart().replace(/^at (async )?/, "");
  const open = called.lastIndexOf(" (");
  const name = called.slice(0, Math.max(open, 0));
  const url = called.slice(open === -1 ? 0 : open + 2, called.lastIndexOf(":"));
  return `${name}@${url.startsWith(PROJECT) ? url.slice(PROJECT.length) : basename(url)}`;
}
