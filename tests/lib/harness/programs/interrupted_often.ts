/**
 * Sends itself signals that interrupt a run, each just before a call of settled(), and prints how
 * many of them settled() missed.
 *
 *     interrupted_often.ts ROUNDS
 *
 * @module
 */

import { blockSignals } from "../../../../ffi/mod.ts";
import { interruption } from "../../../../lib/harness/interruption.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";

const SIGNALS = ["SIGTERM", "SIGHUP", "SIGINT"] as const;

// A signal must not end this program between two rounds.
for (const signal of SIGNALS) Deno.addSignalListener(signal, () => {});
blockSignals();

/**
 * The listeners of the current round. interruption() never removes its own, because a real process
 * has only one run.
 */
const listeners: [Deno.Signal, () => void][] = [];
const { addSignalListener } = Deno;
Deno.addSignalListener = (signal, listener) => {
  listeners.push([signal, listener]);
  addSignalListener(signal, listener);
};

let missed = 0;
const rounds = Number(Deno.args[0]);
for (let round = 0; round < rounds; round++) {
  const { signal, settled } = interruption();
  const sent = SIGNALS[round % SIGNALS.length];
  Deno.kill(Deno.pid, sent);
  await settled();
  if (!String(signal.reason).includes(sent)) missed++;
  for (const [name, listener] of listeners.splice(0)) Deno.removeSignalListener(name, listener);
}
printJson({ rounds, missed });
Deno.exit();
