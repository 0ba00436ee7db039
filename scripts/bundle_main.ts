/**
 * The main module of the one-file build: the parent, and, started again as `…#child`, the child.
 *
 * @module
 */

// An older Deno is refused before any other module starts.
import "./bundle_version.ts";
// lib/cli/main.ts and child_main.ts import these modules only when a run is traced. In the one file
// they have to come before those start.
import "../lib/harness/trace/hub.ts";
import "../lib/harness/trace/local.ts";
import { runChild } from "../lib/harness/child_main.ts";
import { EXPERIMENTS } from "../lib/experiments/mod.ts";
import { main } from "../lib/cli/main.ts";

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
