/**
 * The child, with every call of libc's marked. The query of its URL is an aim as JSON, if there is one.
 *
 * @module
 */

import { markCalls } from "./marks.ts";

const query = decodeURIComponent(new URL(import.meta.url).search.slice(1));
markCalls("child", query === "" ? undefined : JSON.parse(query));
const { runChild } = await import("../../../lib/child.ts");
const { EXPERIMENTS } = await import("../../../lib/experiments/mod.ts");
Deno.exit(await runChild(EXPERIMENTS, Deno.args));
