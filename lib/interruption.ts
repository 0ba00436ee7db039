/**
 * The signals that end a run: they end it in order, with what it has, instead of ending the process.
 *
 * @module
 */

import { ExperimentError } from "./outcome.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Listens, until it is disposed of; `signal` is aborted by the first that comes. */
export function interruption(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const listeners = SIGNALS.map((name) => {
    const listener = () => controller.abort(new ExperimentError(`Interrupted by ${name}`));
    Deno.addSignalListener(name, listener);
    return () => Deno.removeSignalListener(name, listener);
  });
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => listeners.forEach((remove) => remove()),
  };
}
