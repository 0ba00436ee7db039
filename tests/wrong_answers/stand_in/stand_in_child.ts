/**
 * The child, with a stand-in for libc. The query of its URL says where its journal is, and which
 * call is answered wrongly, as JSON.
 *
 * @module
 */

import { standIn } from "./stand_in.ts";

const [folder, answering] = JSON.parse(
  decodeURIComponent(new URL(import.meta.url).search.slice(1)),
);
standIn("child", folder, answering === "" ? undefined : JSON.parse(answering));
const { runChild } = await import("../../../lib/harness/child_main.ts");
const { EXPERIMENTS } = await import("../../../lib/experiments/mod.ts");
Deno.exit(await runChild(EXPERIMENTS, Deno.args));
