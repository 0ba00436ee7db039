/**
 * A trace of the calls to libc: each with its arguments by name, its structures, its result, its
 * errno and its duration.
 *
 * Theory of operation. Every function of the table in `libc.ts` gets a wrapper. The program reads
 * errno after the wrapper returns, so the wrapper reads errno at once, and writes it back last.
 * Memory that a call points to is read after the call, so it includes what the kernel wrote.
 * Functions that only copy memory or name an error are not traced.
 *
 * @module
 */

import { decodeCall, type DecodedCall, type ReadMemory } from "./decode.ts";
import { Errno, errnoName, errnoText } from "../abi/errno.ts";
import { libc, type LibcCall, type LibcFunction, wrapCalls } from "../abi/libc.ts";
import { type Parameter, parametersOf } from "./prototype.ts";

/** A call that has returned. */
export interface TracedCall {
  /** Its start, in milliseconds since 1970. */
  readonly began: number;
  /** Its duration, in milliseconds. */
  readonly milliseconds: number;
  /** The thread id; `null` for a thread other than JavaScript's. */
  readonly tid: number | null;
  /** The call as a line, such as `close(fd: 7) = 0`. */
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
 * Reports every call of libc from now on.
 *
 * @param report Receives each call after it has returned, before the program continues. Calls that
 * `report` makes itself are not reported.
 * @param isWanted Called before each call; if it returns false, the call is not traced.
 */
export function traceCalls(report: (call: TracedCall) => void, isWanted = () => true): void {
  const tracer = new Tracer(report, isWanted);
  wrapCalls((name, described, call) =>
    NOT_TRACED.includes(name) ? call : tracer.wrap(described, call)
  );
}

/** Handles on gettid(2) and memcpy(3) that the wrappers do not affect. */
function openMemory() {
  return Deno.dlopen("libc.so.6", {
    gettid: { parameters: [], result: "i32" },
    read: { name: "memcpy", parameters: ["buffer", "usize", "usize"], result: "void" },
    readErrno: { name: "memcpy", parameters: ["buffer", "pointer", "usize"], result: "void" },
    writeErrno: { name: "memcpy", parameters: ["pointer", "buffer", "usize"], result: "void" },
  }).symbols;
}

class Tracer {
  readonly #memory = openMemory();
  readonly #tid = this.#memory.gettid();
  // SAFETY: it points to the errno of the JavaScript thread, which makes every blocking call.
  readonly #errnoLocation = libc.__errno_location()!;
  readonly #errno = new Int32Array(1);
  #isReporting = false;

  constructor(
    readonly report: (call: TracedCall) => void,
    readonly isWanted: () => boolean,
  ) {}

  wrap({ prototype, nonblocking }: LibcFunction, call: LibcCall): LibcCall {
    const name = prototype.slice(0, prototype.indexOf("(")).replace(/^.*[ *]/, "");
    const parameters = parametersOf(prototype);
    return nonblocking
      ? this.#wrapNonblocking(name, parameters, call)
      : this.#wrapBlocking(name, parameters, call);
  }

  #wrapBlocking(name: string, parameters: readonly Parameter[], call: LibcCall): LibcCall {
    return (...args) => {
      if (this.#isReporting || !this.isWanted()) return call(...args);
      const started = performance.now();
      const result = call(...args);
      this.#memory.readErrno(this.#errno, this.#errnoLocation, 4n);
      const [errno] = this.#errno;
      const milliseconds = performance.now() - started;
      try {
        const began = performance.timeOrigin + started;
        const decoded = this.#decode(name, parameters, args, result, errno);
        this.#report({ began, milliseconds, tid: this.#tid, ...decoded });
      } finally {
        this.#errno[0] = errno;
        this.#memory.writeErrno(this.#errnoLocation, this.#errno, 4n);
      }
      return result;
    };
  }

  #wrapNonblocking(name: string, parameters: readonly Parameter[], call: LibcCall): LibcCall {
    return async (...args) => {
      if (this.#isReporting || !this.isWanted()) return call(...args);
      const started = performance.now();
      const result = await (call(...args) as Promise<unknown>);
      const milliseconds = performance.now() - started;
      const began = performance.timeOrigin + started;
      const decoded = this.#decode(name, parameters, args, result, undefined);
      this.#report({ began, milliseconds, tid: null, ...decoded });
      return result;
    };
  }

  #report(call: TracedCall): void {
    this.#isReporting = true;
    try {
      this.report(call);
    } finally {
      this.#isReporting = false;
    }
  }

  #decode(
    name: string,
    parameters: readonly Parameter[],
    args: readonly unknown[],
    result: unknown,
    errno: number | undefined,
  ): Pick<TracedCall, "line" | "details"> {
    const number = typeof result === "number" ? result : result === null ? 0 : 1;
    // After EFAULT an address in the arguments is not to be followed.
    const read = number === -1 && errno === Errno.EFAULT ? () => undefined : this.#read;
    const shown: DecodedCall = decodeCall({ name, parameters, args, result: number }, read);
    return {
      line: `${name}(${shown.args}) = ${resultText(result)}${failureText(result, errno)}`,
      details: shown.details,
    };
  }

  // SAFETY: the program has just given these addresses to the kernel, which accepted them, and it
  // still holds the memory.
  readonly #read: ReadMemory = (address, length) => {
    if (address === 0n) return undefined;
    const bytes = new Uint8Array(length);
    this.#memory.read(bytes, address, BigInt(length));
    return bytes;
  };
}

function resultText(result: unknown): string {
  if (typeof result === "number") return String(result);
  return result === null ? "NULL" : "a pointer";
}

function failureText(result: unknown, errno: number | undefined): string {
  if (result !== -1) return "";
  if (errno === undefined) return " (errno is another thread's)";
  return ` ${errnoName(errno)} (${errnoText(errno)})`;
}
