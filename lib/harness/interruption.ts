/**
 * Signals that interrupt a run: SIGHUP, SIGINT and SIGTERM end the run in order, with a report of
 * what it has found so far, instead of ending the process.
 *
 * The listeners stay until the process ends, because the report is written after the last
 * experiment. A signal that arrives after the verdict changes neither verdict nor report. It ends
 * the process only if nobody reads the report.
 *
 * A signal that was ignored at start stays ignored, as nohup(1) and a shell's background jobs
 * expect. The runtime replaces SIG_IGN by handlers of its own as soon as its event loop starts, and
 * ends the process where there is no listener.
 *
 * @module
 */

import { readTextFile } from "../../ffi/process/file.ts";
import { signalsIn } from "../../ffi/process/signals.ts";
import { CutShort } from "../evidence/errors.ts";
import { handlersEnded } from "./signal_handlers.ts";

/** The signals that interrupt a run, with their numbers. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
type Name = keyof typeof SIGNALS;
const NAMES = Object.keys(SIGNALS) as Name[];

/**
 * A signal that the runtime dispatches after those, and that does nothing in a process without a
 * listener.
 */
const SENTINEL = { name: "SIGURG", number: 23 } as const;

/**
 * How often the sentinel must arrive. The runtime dispatches signals in rounds, from the lowest
 * number to the highest. One sentinel may be under way already, and a second may be dispatched in a
 * round that had passed the other signals before they arrived. The third is of a later round.
 */
const SENTINELS = 3;

/** The longest wait for the sentinel, in milliseconds: it may have been blocked at start. */
const PATIENCE = 1000;

/** A listener for the signals that interrupt a run. */
export interface Interruption {
  /** Aborted by the first signal that arrives. */
  readonly signal: AbortSignal;
  /** Resolves when every signal sent before this call has reached `signal`. */
  settled(): Promise<void>;
}

const ignored = ignoredSignals(); // read here, before the event loop starts

/** Keeps ignoring the signals that were ignored at start. */
export function keepIgnored(): void {
  for (const name of ignored) Deno.addSignalListener(name, ignore);
}

const ignore = () => {};

/** Starts to listen. */
export function interruption(): Interruption {
  const controller = new AbortController();
  for (const name of NAMES.filter((name) => !ignored.includes(name))) {
    Deno.addSignalListener(
      name,
      () => controller.abort(new CutShort(`Interrupted by ${name}`)),
    );
  }
  return {
    signal: controller.signal,
    async settled() {
      let came = () => {};
      using _sentinel = listening(SENTINEL.name, () => came());
      // The runtime knows of a signal once the handler has ended, on whatever thread. Then it
      // dispatches the signals to JavaScript in order.
      await handlersEnded(Object.values(SIGNALS), SENTINEL.number, PATIENCE);
      for (let i = 0; i < SENTINELS; i++) {
        const { promise, resolve } = Promise.withResolvers<void>();
        came = resolve;
        const timer = setTimeout(resolve, PATIENCE);
        Deno.kill(Deno.pid, SENTINEL.name);
        await promise;
        clearTimeout(timer);
      }
    },
  };
}

function listening(name: Deno.Signal, listener: () => void): Disposable {
  Deno.addSignalListener(name, listener);
  return { [Symbol.dispose]: () => Deno.removeSignalListener(name, listener) };
}

/** Returns the names of the interrupting signals that this process ignores; none without /proc. */
function ignoredSignals(): Name[] {
  try {
    const ignored = signalsIn(readTextFile("/proc/self/status"), "SigIgn");
    return NAMES.filter((name) => ignored.has(SIGNALS[name]));
  } catch {
    return [];
  }
}
