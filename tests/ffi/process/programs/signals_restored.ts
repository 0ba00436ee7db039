/**
 * Restores the default actions of signals, and prints which signals are caught and ignored, at once
 * and after the late start of the runtime's own handlers.
 *
 * @module
 */

import { readTextFile, restoreDefaultSignals, signalsIn } from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

/** The runtime installs handlers in its event loop, a second after its start. */
const LATE = 1500;

const caught = () => [...signalsIn(readTextFile("/proc/self/status"), "SigCgt")];

restoreDefaultSignals();
const atOnce = caught();
const ignored = [...signalsIn(readTextFile("/proc/self/status"), "SigIgn")];
await new Promise((resolve) => setTimeout(resolve, LATE));
printJson({ caught: atOnce, ignored, later: caught() });
