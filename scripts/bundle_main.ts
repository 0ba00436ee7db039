/**
 * The main module of the one-file build: the parent, and, started again as `…#child`, the child.
 *
 * @module
 */

// main.ts and child_main.ts import this module only when a run is traced. In the one file it has to
// come before they start.
import "../lib/harness/trace/local.ts";
import { runChild } from "../lib/harness/child_main.ts";
import { EXPERIMENTS } from "../lib/experiments/mod.ts";
import { main } from "../main.ts";

/**
 * The end of this module's URL when the parent starts it as a child. In the path of a file it would
 * be %23child.
 */
const CHILD = "#child";

if (import.meta.main) {
  const isChild = import.meta.url.endsWith(CHILD);
  const run = isChild ? runChild(EXPERIMENTS, Deno.args) : main(Deno.args, import.meta.url + CHILD);
  Deno.exit(await run);
}
