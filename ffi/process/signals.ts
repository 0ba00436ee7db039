/**
 * Signals, of a process whose runtime has handlers for them.
 *
 * Theory of operation. Deno's handler runs on the thread that takes the signal, makes a system call, and does not save errno. On the
 * thread that JavaScript runs on that may be between a call that failed and the reading of its errno, which is then another's. Two cures:
 *
 * - A process that listens for signals blocks them on that thread: {@linkcode blockSignals}. The kernel then has another thread take them, and
 *   Deno brings them to JavaScript as before.
 * - A process that listens for none has no use for the handlers: {@linkcode restoreDefaultSignals}. Deno installs some of its own, a second
 *   after its start, for what is to be done before it ends by a signal; and leaves them where nobody listens any more.
 *
 * @module
 */

import { SIG_BLOCK, SIG_SETMASK } from "../abi/constants.ts";
import { AnswerError, check, SystemError } from "../abi/errno.ts";
import { readTextFile } from "./file.ts";
import { sigaction, sigset_t } from "../abi/layouts.ts";
import { libc } from "../abi/libc.ts";

/** SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS: the thread that causes them takes them. Source: signal(7). */
const SYNCHRONOUS = [4, 5, 6, 7, 8, 11, 31];

/** SIGKILL and SIGSTOP. */
const WITHOUT_HANDLER = [9, 19];

/** What libc signals its own threads by, glibc's and musl's. Source: nptl(7). */
const OF_LIBC = [32, 33, 34];

/** SIGTTIN, SIGTTOU: a process in the background whose thread blocks them is told EIO by its terminal, or writes to it. */
const OF_TERMINALS = [21, 22];

/** All of them, to SIGRTMAX. */
const SIGNALS = Array.from({ length: 64 }, (_, i) => i + 1);

/** Those for which a program may have a handler. */
const HANDLEABLE = SIGNALS.filter((signal) =>
  ![...SYNCHRONOUS, ...WITHOUT_HANDLER, ...OF_LIBC].includes(signal)
);

const BLOCKED = HANDLEABLE.filter((signal) => !OF_TERMINALS.includes(signal));

const SIG_DFL = 0n;
const SIG_IGN = 1n;

/** The signals that this thread blocked before, once it blocks more. */
let originalMask: Uint8Array<ArrayBuffer> | undefined;

/**
 * Blocks every signal that may have a handler on the thread that JavaScript runs on, so that no handler changes errno between a call and
 * its reading. Signals go on reaching those who listen for them: other threads take them.
 *
 * Left are SIGTTIN and SIGTTOU, since a terminal asks whether the thread that reads or writes blocks them; nobody should listen for these. A web worker
 * runs on a thread of its own, and calls this itself. Programs that are started inherit what is blocked: see {@linkcode withOriginalMask}.
 *
 * @example
 * ```ts
 * import { blockSignals } from "../mod.ts";
 *
 * blockSignals();
 * Deno.addSignalListener("SIGUSR2", () => Deno.exit()); // is still called
 * Deno.kill(Deno.pid, "SIGUSR2");
 * setTimeout(() => Deno.exit(1), 10_000);
 * ```
 *
 * @throws {SystemError} If it is refused, which a filter of system calls may do.
 * @throws {AnswerError} If they are not blocked for all that.
 */
export function blockSignals(): void {
  if (originalMask !== undefined) return;
  startSignalThread(); // before they are blocked: it takes them where no other thread does
  const mask = setOf(BLOCKED);
  const before = changeMask(SIG_BLOCK, mask);
  const now = changeMask(SIG_BLOCK, null);
  if (mask.some((bits, i) => (bits & ~now[i]) !== 0)) {
    throw new AnswerError("pthread_sigmask", "signals that are not blocked");
  }
  originalMask = before;
}

/**
 * Runs a step while the thread blocks the signals alone that it blocked before {@linkcode blockSignals}: for what starts a program, which inherits them and
 * could not be ended by SIGTERM otherwise. Without `blockSignals` it just runs the step.
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
 * @param step Starts the program before it returns, as `spawn`, `output` and `outputSync` do. In it errno may be another's.
 * @returns What the step returns.
 * @throws {SystemError} If what is blocked cannot be changed.
 * @throws What the step throws.
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
 * Has every signal do what the kernel does by itself, for good: no handler is left, and the runtime installs none later unless somebody listens.
 * What is ignored stays ignored.
 *
 * To be called before the event loop begins, since the runtime then takes signals that were ignored when the process began, as nohup(1) wants
 * them.
 *
 * @example
 * ```ts
 * import { restoreDefaultSignals } from "../mod.ts";
 *
 * restoreDefaultSignals(); // SIGTERM ends this process, even where a filter refuses what a handler needs
 * ```
 *
 * @throws {SystemError} If it is refused, which a filter of system calls may do, or there is no /proc.
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
 * The signals of one of the masks that /proc shows of a thread. Source: proc_pid_status(5).
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
 * @param mask Those blocked, ignored, caught by a handler, pending for the thread, pending for its process.
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
 * Has the runtime install now all that it would install later: its thread for signals and the handlers of SIGHUP, SIGINT and SIGTERM, as at the
 * first listener for any signal, and that of SIGUSR1, which opens its debugger.
 */
function startSignalThread(): void {
  const nothing = () => {};
  Deno.addSignalListener("SIGUSR1", nothing);
  Deno.removeSignalListener("SIGUSR1", nothing);
}

/** pthread_sigmask(3), which returns its errno. */
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
