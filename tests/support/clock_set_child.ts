/**
 * The child of `privilege-drop`, with a wall clock that is set forward in mid-run.
 *
 * @module
 */

import { privilegeDrop } from "../../lib/experiments/privilege_drop/experiment.ts";
import { runChild } from "../../lib/harness/child_main.ts";
import { setClockForward } from "./set_clock_forward.ts";

setClockForward();
Deno.exit(await runChild([privilegeDrop], Deno.args));
