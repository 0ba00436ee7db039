/**
 * Waits until the handlers of all signals sent so far have run, on every thread of this process.
 *
 * Theory of operation. A signal to the process is pending until a thread takes it. On a busy
 * machine that thread may run the handler much later, and nothing shows this in the meantime. So
 * each thread is sent one more signal, a sentinel, which it takes after the earlier ones. While a
 * handler runs, or is about to, the thread blocks that signal. A thread that neither has the
 * sentinel pending nor blocks one of the signals is done. /proc shows both at one moment: the
 * kernel reads them under the lock by which it changes them (task_sig in fs/proc/array.c).
 *
 * @module
 */

import { pause } from "../host/pause.ts";
import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { rawSyscall } from "../../ffi/abi/raw_syscall.ts";
import { signalsIn } from "../../ffi/process/signals.ts";
import { threadFiles } from "../inspect/threads/threads.ts";

/** The pause between two looks, in milliseconds. */
const PAUSE = 1;

/**
 * Resolves when the handlers of all signals sent to this process before this call have ended.
 *
 * @param signals The numbers of the signals.
 * @param sentinel The number of another signal that this process handles.
 * @param patience The longest wait, in milliseconds: the signals may have been blocked at start.
 * @throws {SystemError} If there is no /proc, or a seccomp filter forbids a call.
 */
export async function handlersEnded(
  signals: readonly number[],
  sentinel: number,
  patience: number,
): Promise<void> {
  const end = performance.now() + patience;
  const until = async (isOver: () => boolean) => {
    while (!isOver() && performance.now() < end) {
      await pause(PAUSE);
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

/** Lists the threads that may take signals: those that do not block everything this one blocks. */
function takers(sentinel: number): number[] {
  const all = statuses();
  const blockedHere = signalsIn(all.get(rawSyscall("gettid"))!, "SigBlk");
  const blocksAll = (status: string) => blockedHere.isSubsetOf(signalsIn(status, "SigBlk"));
  return [...all].filter(([, status]) => !blockedHere.has(sentinel) || !blocksAll(status))
    .map(([tid]) => tid);
}

/** Sends a signal to a thread, which may have ended: tgkill(2). */
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
