/**
 * A child that sends itself a signal at one of its message boundaries. The query of its URL says
 * which.
 *
 * @module
 */

import { sleep } from "../../ffi/mod.ts";
import { runChild } from "../../lib/harness/child_main.ts";
import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import { atEveryBoundary, parseSignal } from "./boundaries.ts";
import { sendSignal } from "./send_signal.ts";

const planned = parseSignal(new URL(import.meta.url).search.slice(1));

/** How long a process may take to end by a signal, in milliseconds. */
const PATIENCE = 30_000;

if (planned?.side === "child") {
  atEveryBoundary((boundary) => {
    if (boundary !== planned.boundary) return;
    sendSignal(Deno.pid, planned.signal);
    // The runtime may handle these signals on another thread, which ends the process. Wait for
    // that, so that it ends at this boundary and not at a later one.
    if (["SIGINT", "SIGTERM", "SIGHUP"].includes(planned.signal)) sleep(PATIENCE);
  });
}
Deno.exit(await runChild(EXPERIMENTS, Deno.args));
