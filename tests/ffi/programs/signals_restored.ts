/**
 * Gives signals back to the kernel, and tells what is caught and ignored, at once and when the runtime has begun all that it begins late.
 *
 * @module
 */

import { readTextFile, restoreDefaultSignals, signalsIn } from "../../../ffi/mod.ts";
import { printJson } from "./print_json.ts";

/** The runtime installs handlers in its event loop, a second after its start. */
const LATE = 1500;

const caught = () => [...signalsIn(readTextFile("/proc/self/status"), "SigCgt")];

restoreDefaultSignals();
const atOnce = caught();
const ignored = [...signalsIn(readTextFile("/proc/self/status"), "SigIgn")];
await new Promise((resolve) => setTimeout(resolve, LATE));
printJson({ caught: atOnce, ignored, later: caught() });
