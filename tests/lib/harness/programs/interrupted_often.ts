/**
 * Sends itself signals that interrupt a run, each just before it calls settled(), and counts those
 * that were missed.
 *
 *     interrupted_often.ts ROUNDS
 *
 * @module
 */

import { blockSignals } from "../../../../ffi/mod.ts";
import { interruption } from "../../../../lib/harness/interruption.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";

const SIGNALS = ["SIGTERM", "SIGHUP", "SIGINT"] as const;

for (const signal of SIGNALS) Deno.addSignalListener(signal, () => {}); // between two rounds too
blockSignals();

/** What a run listens with, to be taken away after it: a process has one run. */
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
