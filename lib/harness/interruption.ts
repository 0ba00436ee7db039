/**
 * The signals that end a run: they end it in order, with what it has, instead of ending the process.
 *
 * Whoever has begun to listen listens until the process ends: after the last experiment the report is still to be written. A signal that
 * comes when the verdict has been given changes neither; it ends the process only if nobody reads the report.
 *
 * A signal that was ignored when the process began stays ignored, as nohup(1) and a shell's background jobs want it. The runtime puts handlers
 * of its own in the place of SIG_IGN as soon as its event loop begins, and ends the process for whoever does not listen.
 *
 * @module
 */

import { readTextFile } from "../../ffi/process/file.ts";
import { signalsIn } from "../../ffi/process/signals.ts";
import { ExperimentError } from "../evidence/errors.ts";
import { handlersEnded } from "./signal_handlers.ts";

/** By number. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
type Name = keyof typeof SIGNALS;
const NAMES = Object.keys(SIGNALS) as Name[];

/** Comes after those in the order in which the runtime looks at them, and does nothing to a process that does not listen. */
const SENTINEL = { name: "SIGURG", number: 23 } as const;

/**
 * How often it must come. The runtime looks at its signals over and over, from the lowest number to the highest. Of two that come one might be
 * on its way already, and the other be seen in a round that had passed the other signals before they came; the third is of a later round.
 */
const SENTINELS = 3;

/** How long is waited for it, in milliseconds: whoever started this process may have blocked it. */
const PATIENCE = 1000;

/** Who listens for the signals. */
export interface Interruption {
  /** Aborted by the first signal that comes from now on. */
  readonly signal: AbortSignal;
  /** Resolves when every signal that came before this call has been heard: `signal` says so. */
  heard(): Promise<void>;
}

const ignored = ignoredSignals(); // looked at here, before the event loop begins

/** Has the signals that were ignored when the process began be ignored until its end. */
export function keepIgnored(): void {
  for (const name of ignored) Deno.addSignalListener(name, ignore);
}

const ignore = () => {};

/** Listens from now on. */
export function interruption(): Interruption {
  const controller = new AbortController();
  for (const name of NAMES.filter((name) => !ignored.includes(name))) {
    Deno.addSignalListener(
      name,
      () => controller.abort(new ExperimentError(`Interrupted by ${name}`)),
    );
  }
  return {
    signal: controller.signal,
    async heard() {
      let came = () => {};
      using _sentinel = listening(SENTINEL.name, () => came());
      // Whichever threads take the signals, the runtime knows of them when their handlers have ended; then JavaScript hears of them in their order.
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

/** Which of them this process ignores; none where there is no /proc to ask. */
function ignoredSignals(): Name[] {
  try {
    const ignored = signalsIn(readTextFile("/proc/self/status"), "SigIgn");
    return NAMES.filter((name) => ignored.has(SIGNALS[name]));
  } catch {
    return [];
  }
}
