/**
 * Runs fdpass, with a wall clock that is set forward in mid-run, in the parent and in the child.
 *
 * @module
 */

import { main } from "../../main.ts";
import { setClockForward } from "./set_clock_forward.ts";

setClockForward();
Deno.exit(await main(Deno.args, new URL("./clock_set_child.ts", import.meta.url).href));
