/**
 * A trace of libc's calls, made where they are made: each with its arguments by name, its structures, its result, its errno, its time.
 *
 * Theory of operation. Every function of the table in `libc.ts` gets a wrapper. Between a call and the moment at which the program looks
 * at errno lies all that the trace does, so errno is read at once, and written back as the last thing. What a call points to is
 * read after it has returned: then what the kernel has written is there as well. Functions that only look at memory or name an error
 * are left out.
 *
 * @module
 */

import { decodeCall, type ReadMemory } from "./decode.ts";
import { Errno, errnoName, errnoText } from "../abi/errno.ts";
import { libc, type LibcCall, type LibcFunction, wrapCalls } from "../abi/libc.ts";
import { parametersOf } from "./prototype.ts";

/** A call that has returned. */
export interface TracedCall {
  /** When it began, in milliseconds since 1970, and how long it took. */
  readonly began: number;
  readonly milliseconds: number;
  /** The thread; `null` for one that is not JavaScript's. */
  readonly tid: number | null;
  /** As a line, such as `close(fd: 7) = 0`. */
  readonly line: string;
  /** The structures behind the arguments, a line each. */
  readonly details: readonly string[];
}

const NOT_TRACED = [
  "memcpy",
  "memmove",
  "strlen",
  "__errno_location",
  "strerror",
  "strerrorname_np",
  "gnu_get_libc_version",
  "getpagesize",
];

/**
 * Has every call of libc's told from now on.
 *
 * @param report Called with each when it has returned, and before the program goes on. Calls that it makes itself are not told.
 * @param isWanted Asked before each call: one that is not wanted costs no more than that.
 */
export function traceCalls(report: (call: TracedCall) => void, isWanted = () => true): void {
  const { symbols } = Deno.dlopen("libc.so.6", {
    gettid: { parameters: [], result: "i32" },
    read: { name: "memcpy", parameters: ["buffer", "usize", "usize"], result: "void" },
    readErrno: { name: "memcpy", parameters: ["buffer", "pointer", "usize"], result: "void" },
    writeErrno: { name: "memcpy", parameters: ["pointer", "buffer", "usize"], result: "void" },
  });
  const tid = symbols.gettid();
  // SAFETY: of the thread that JavaScript runs on, on which every call is made that leaves an errno.
  const errnoLocation = libc.__errno_location()!;
  const saved = new Int32Array(1);

  // SAFETY: the addresses are those that the program has just given to the kernel, which took them for good, in memory that the program
  // still holds.
  const read: ReadMemory = (address, length) => {
    if (address === 0n) return undefined;
    const bytes = new Uint8Array(length);
    symbols.read(bytes, address, BigInt(length));
    return bytes;
  };

  let isTelling = false;
  const tellOf = (call: TracedCall) => {
    isTelling = true;
    try {
      report(call);
    } finally {
      isTelling = false;
    }
  };

  const wrap = (name: string, { prototype, nonblocking }: LibcFunction, call: LibcCall) => {
    if (NOT_TRACED.includes(name)) return call;
    const parameters = parametersOf(prototype);
    const shownName = prototype.slice(0, prototype.indexOf("(")).replace(/^.*[ *]/, "");
    const decode = (args: readonly unknown[], result: unknown, errno: number | undefined) => {
      const number = typeof result === "number" ? result : result === null ? 0 : 1;
      const reads = number === -1 && errno === Errno.EFAULT ? () => undefined : read;
      const shown = decodeCall({ name: shownName, parameters, args, result: number }, reads);
      const value = typeof result === "number"
        ? String(result)
        : result === null
        ? "NULL"
        : "a pointer";
      const failure = result !== -1
        ? ""
        : errno === undefined
        ? " (errno is another thread's)"
        : ` ${errnoName(errno)} (${errnoText(errno)})`;
      return {
        line: `${shownName}(${shown.args}) = ${value}${failure}`,
        details: shown.details,
      };
    };
    if (nonblocking) {
      return async (...args: unknown[]) => {
        if (isTelling || !isWanted()) return call(...args);
        const started = performance.now();
        const result = await (call(...args) as Promise<unknown>);
        const milliseconds = performance.now() - started;
        const began = performance.timeOrigin + started;
        tellOf({ began, milliseconds, tid: null, ...decode(args, result, undefined) });
        return result;
      };
    }
    return (...args: unknown[]) => {
      if (isTelling || !isWanted()) return call(...args);
      const started = performance.now();
      const result = call(...args);
      symbols.readErrno(saved, errnoLocation, 4n);
      const [errno] = saved;
      const milliseconds = performance.now() - started;
      try {
        const began = performance.timeOrigin + started;
        tellOf({ began, milliseconds, tid, ...decode(args, result, errno) });
      } finally {
        saved[0] = errno;
        symbols.writeErrno(errnoLocation, saved, 4n);
      }
      return result;
    };
  };
  wrapCalls(wrap);
}
