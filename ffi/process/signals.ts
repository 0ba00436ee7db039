/**
 * Signals in a process whose runtime installs handlers.
 *
 * Theory of operation. Deno's handler runs on the thread that receives the signal, makes a system
 * call, and does not save errno. If that happens on the JavaScript thread between a failed call and
 * the reading of its errno, errno is wrong. There are two cures:
 *
 * - A process that listens for signals blocks them on that thread: {@linkcode blockSignals}. The
 *   kernel then delivers them to another thread, and Deno passes them to JavaScript as before.
 * - A process that does not listen removes the handlers: {@linkcode restoreDefaultSignals}. Deno
 *   installs some of its own a second after its start, for its cleanup on a fatal signal, and
 *   leaves handlers in place after the last listener is removed.
 *
 * @module
 */

import { SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK } from "../abi/constants.ts";
import { AnswerError, check, SystemError } from "../abi/errno.ts";
import { readTextFile } from "./file.ts";
import { sigaction, sigset_t } from "../abi/layouts.ts";
import { libc } from "../abi/libc.ts";

/**
 * SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS: delivered to the thread that causes
 * them. Source: signal(7).
 */
const SYNCHRONOUS = [4, 5, 6, 7, 8, 11, 31];

/** SIGKILL and SIGSTOP. */
const WITHOUT_HANDLER = [9, 19];

/** Signals that libc sends to its own threads, glibc and musl. Source: nptl(7). */
const OF_LIBC = [32, 33, 34];

/**
 * SIGTTIN, SIGTTOU: if a thread of a background process blocks them, its reads of the terminal fail
 * with EIO, and its writes reach the terminal.
 */
const OF_TERMINALS = [21, 22];

/** All signals, up to SIGRTMAX. */
const SIGNALS = Array.from({ length: 64 }, (_, i) => i + 1);

/** Signals for which a program may have a handler. */
const HANDLEABLE = SIGNALS.filter((signal) =>
  ![...SYNCHRONOUS, ...WITHOUT_HANDLER, ...OF_LIBC].includes(signal)
);

const BLOCKED = HANDLEABLE.filter((signal) => !OF_TERMINALS.includes(signal));

const SIG_DFL = 0n;
const SIG_IGN = 1n;

/** The signals that this thread blocked before blockSignals(). */
let originalMask: Uint8Array<ArrayBuffer> | undefined;

/**
 * Blocks, on the JavaScript thread, every signal that may have a handler, so that no handler
 * changes errno between a call and its reading. Listeners still receive signals: other threads take
 * them.
 *
 * SIGTTIN and SIGTTOU stay unblocked, because a terminal tests whether the reading or writing
 * thread blocks them; do not listen for these. A web worker runs on a thread of its own, and calls
 * this itself. Started programs inherit the mask: see {@linkcode withOriginalMask}.
 *
 * @example
 * ```ts
 * import { blockSignals } from "../mod.ts";
 *
 * blockSignals();
 * Deno.addSignalListener("SIGUSR2", () => Deno.exit()); // still called
 * Deno.kill(Deno.pid, "SIGUSR2");
 * setTimeout(() => Deno.exit(1), 10_000);
 * ```
 *
 * @throws {SystemError} If it is refused, for example by a filter of system calls.
 * @throws {AnswerError} If the call reports success and the signals are not blocked.
 */
export function blockSignals(): void {
  if (originalMask !== undefined) return;
  startSignalThread(); // started before the signals are blocked, so it receives them
  const mask = setOf(BLOCKED);
  const before = changeMask(SIG_BLOCK, mask);
  const now = changeMask(SIG_BLOCK, null);
  if (mask.some((bits, i) => (bits & ~now[i]) !== 0)) {
    throw new AnswerError("pthread_sigmask", "signals are not blocked");
  }
  originalMask = before;
}

/**
 * Runs a step with the signal mask from before {@linkcode blockSignals}. A program that the step
 * starts inherits that mask; with the other, SIGTERM could not end it. Without `blockSignals` it
 * only runs the step.
 *
 * @example
 * ```ts
 * import { blockSignals, withOriginalMask } from "../mod.ts";
 *
 * blockSignals();
 * const sleep = withOriginalMask(() => new Deno.Command("sleep", { args: ["9"] }).spawn());
 * sleep.kill("SIGTERM");
 * console.assert((await sleep.status).signal === "SIGTERM");
 * ```
 *
 * @param step Starts the program before it returns, as `spawn`, `output` and `outputSync` do.
 * During it, errno may be wrong.
 * @returns The result of the step.
 * @throws {SystemError} If the mask cannot be changed.
 * @throws Any error of the step.
 */
export function withOriginalMask<T>(step: () => T): T {
  if (originalMask === undefined) return step();
  const before = changeMask(SIG_SETMASK, originalMask);
  try {
    return step();
  } finally {
    changeMask(SIG_SETMASK, before);
  }
}

/**
 * Runs a step in which this thread receives a signal, even after {@linkcode blockSignals}.
 *
 * @throws {SystemError} If the mask cannot be changed.
 * @throws Any error of the step.
 */
export function withUnblocked<T>(signal: number, step: () => T): T {
  const before = changeMask(SIG_UNBLOCK, setOf([signal]));
  try {
    return step();
  } finally {
    changeMask(SIG_SETMASK, before);
  }
}

/**
 * Restores the default action of every signal for good: no handler is left, and the runtime
 * installs none later unless somebody listens. Ignored signals stay ignored.
 *
 * Call it before the event loop starts: the runtime then replaces the disposition of signals that
 * were ignored at its start, as nohup(1) sets it.
 *
 * @example
 * ```ts
 * import { restoreDefaultSignals } from "../mod.ts";
 *
 * restoreDefaultSignals(); // SIGTERM ends this process, even under a filter
 * ```
 *
 * @throws {SystemError} If it is refused, for example by a filter of system calls, or /proc is
 * missing.
 */
export function restoreDefaultSignals(): void {
  const ignored = signalsIn(readTextFile("/proc/self/status"), "SigIgn");
  startSignalThread();
  const caught = signalsIn(readTextFile("/proc/self/status"), "SigCgt");
  for (const signal of HANDLEABLE.filter((signal) => caught.has(signal))) {
    setHandler(signal, ignored.has(signal) ? SIG_IGN : SIG_DFL);
  }
}

/**
 * Restores the default action of a signal if this process ignores it. A handler stays.
 *
 * A process that was started with SIGCHLD ignored cannot wait for its children: the kernel reaps
 * them at once, and waitpid(2) fails with `ECHILD`. Source: wait(2), "Notes".
 *
 * @example
 * ```ts
 * import { SIGCHLD, stopIgnoring } from "../mod.ts";
 *
 * stopIgnoring(SIGCHLD);
 * console.assert(new Deno.Command("true").outputSync().success);
 * ```
 *
 * @param signal Its number.
 * @throws {SystemError} `EINVAL` if there is no such signal.
 */
export function stopIgnoring(signal: number): void {
  const before = sigaction.alloc();
  before.sa_handler = SIG_IGN; // so that a result that is not written changes nothing for the worse
  check(libc.sigaction(signal, null, before.bytes), "sigaction");
  if (before.sa_handler === SIG_IGN) setHandler(signal, SIG_DFL);
}

/**
 * The signals in one of the masks of a thread. Source: proc_pid_status(5).
 *
 * @example
 * ```ts
 * import { readTextFile, signalsIn } from "../mod.ts";
 *
 * const status = readTextFile("/proc/self/status");
 * console.assert(signalsIn(status, "SigIgn").has(13)); // SIGPIPE, which the runtime ignores
 * ```
 *
 * @param status The text of `/proc/PID/status` or `/proc/PID/task/TID/status`.
 * @param mask Blocked, ignored, caught by a handler, pending for the thread, pending for its
 * process.
 * @throws {RangeError} If the text has no such mask.
 */
export function signalsIn(
  status: string,
  mask: "SigBlk" | "SigIgn" | "SigCgt" | "SigPnd" | "ShdPnd",
): Set<number> {
  const [, digits] = status.match(new RegExp(`^${mask}:\\s*([0-9a-f]+)$`, "m")) ?? [];
  if (digits === undefined) throw new RangeError(`No ${mask} in the status of a thread`);
  const bits = BigInt(`0x${digits}`);
  return new Set(SIGNALS.filter((signal) => (bits >> BigInt(signal - 1) & 1n) === 1n));
}

/**
 * Makes the runtime install at once all that it would install later: its signal thread and the
 * handlers of SIGHUP, SIGINT and SIGTERM, as at the first listener for any signal, and that of
 * SIGUSR1, which opens its debugger.
 */
function startSignalThread(): void {
  const nothing = () => {};
  Deno.addSignalListener("SIGUSR1", nothing);
  Deno.removeSignalListener("SIGUSR1", nothing);
}

/**
 * Changes the signal mask and returns the previous one: pthread_sigmask(3), which returns its error
 * number.
 */
function changeMask(how: number, mask: Uint8Array<ArrayBuffer> | null): Uint8Array<ArrayBuffer> {
  const before = new Uint8Array(sigset_t.size);
  const errno = libc.pthread_sigmask(how, mask, before);
  if (errno !== 0) throw new SystemError("pthread_sigmask", errno);
  return before;
}

function setHandler(signal: number, handler: bigint): void {
  const action = sigaction.alloc();
  action.sa_handler = handler;
  check(libc.sigaction(signal, action.bytes, null), "sigaction");
}

function setOf(signals: readonly number[]): Uint8Array<ArrayBuffer> {
  const set = new Uint8Array(sigset_t.size);
  for (const signal of signals) set[(signal - 1) >> 3] |= 1 << ((signal - 1) & 7);
  return set;
}
