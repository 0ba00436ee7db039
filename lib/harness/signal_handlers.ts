/**
 * Handlers of signals that are still to run, or are running, on some thread of this process.
 *
 * Theory of operation. A signal to the process pends until a thread takes it. The thread may then be kept from running the handler for as long as the
 * machine is busy, and nothing shows it in the meantime. So each thread is sent one more signal, a sentinel. It takes that after what it took
 * before; and as long as a handler runs, or is kept from it, the thread blocks the signal. A thread that neither has the sentinel pending nor blocks one of the signals
 * is done. /proc shows both as they are at one moment: the kernel reads them under the lock by which it changes them (task_sig in fs/proc/array.c).
 *
 * @module
 */

import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { rawSyscall } from "../../ffi/abi/raw_syscall.ts";
import { signalsIn } from "../../ffi/process/signals.ts";
import { threadFiles } from "../inspect/threads.ts";

/** When it is looked again, in milliseconds. */
const PAUSE = 1;

/**
 * Resolves when the handlers of all signals that were sent to this process before this call have ended.
 *
 * @param signals These signals, by number.
 * @param sentinel Another one, for which this process has a handler.
 * @param patience How long is waited, in milliseconds: whoever started this process may have blocked the signals.
 * @throws {SystemError} If there is no /proc, or a filter of system calls is in the way.
 */
export async function handlersEnded(
  signals: readonly number[],
  sentinel: number,
  patience: number,
): Promise<void> {
  const end = performance.now() + patience;
  const until = async (isOver: () => boolean) => {
    while (!isOver() && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  };
  const mayRun = [sentinel, ...signals];
  const isDone = (status: string | undefined) =>
    status === undefined || !has(status, "SigPnd", [sentinel]) && !has(status, "SigBlk", mayRun);

  await until(() => statuses().values().every((status) => !has(status, "ShdPnd", signals)));
  const asked = takers(sentinel);
  for (const tid of asked) sendTo(tid, sentinel);
  await until(() => {
    const now = statuses();
    return asked.every((tid) => isDone(now.get(tid)));
  });
}

/** The threads that may take signals: those that do not block all that this one blocks (ffi/process/signals.ts). */
function takers(sentinel: number): number[] {
  const all = statuses();
  const blockedHere = signalsIn(all.get(rawSyscall("gettid"))!, "SigBlk");
  const blocksAll = (status: string) => blockedHere.isSubsetOf(signalsIn(status, "SigBlk"));
  return [...all].filter(([, status]) => !blockedHere.has(sentinel) || !blocksAll(status))
    .map(([tid]) => tid);
}

/** tgkill(2), for a thread that may have ended. */
function sendTo(tid: number, signal: number): void {
  try {
    rawSyscall("tgkill", Deno.pid, tid, signal);
  } catch (error) {
    if (!(error instanceof SystemError && error.errno === Errno.ESRCH)) throw error;
  }
}

function statuses(): Map<number, string> {
  return threadFiles("self", "status");
}

function has(
  status: string,
  mask: Parameters<typeof signalsIn>[1],
  signals: readonly number[],
): boolean {
  const those = signalsIn(status, mask);
  return signals.some((signal) => those.has(signal));
}
