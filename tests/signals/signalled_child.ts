/**
 * A child that sends itself a signal at one of its message boundaries: which, the query of its URL says.
 *
 * @module
 */

import { sleep } from "../../ffi/mod.ts";
import { runChild } from "../../lib/harness/child_main.ts";
import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import { atEveryBoundary, parseBlow } from "./boundaries.ts";
import { sendSignal } from "./send_signal.ts";

const blow = parseBlow(new URL(import.meta.url).search.slice(1));

/** How long the end of a process may take that a signal ends, in milliseconds. */
const PATIENCE = 30_000;

if (blow?.side === "child") {
  atEveryBoundary((boundary) => {
    if (boundary !== blow.boundary) return;
    sendSignal(Deno.pid, blow.signal);
    // The runtime may take these with a handler that ends the process from another thread: at the boundary it is to end, and not later.
    if (["SIGINT", "SIGTERM", "SIGHUP"].includes(blow.signal)) sleep(PATIENCE);
  });
}
Deno.exit(await runChild(EXPERIMENTS, Deno.args));
