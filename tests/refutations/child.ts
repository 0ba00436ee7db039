/**
 * The child of an experiment with the defect that the query of its URL names.
 *
 * @module
 */

import { runChild } from "../../lib/harness/child_main.ts";
import { REFUTATIONS } from "./all.ts";

const name = new URL(import.meta.url).search.slice(1);
Deno.exit(await runChild([REFUTATIONS[name].experiment], Deno.args));
