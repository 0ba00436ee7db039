/**
 * The child of an experiment with a fault, which the query of its URL names.
 *
 * @module
 */

import { runChild } from "../../lib/harness/child_main.ts";
import { FAULTS } from "./all.ts";

const name = new URL(import.meta.url).search.slice(1);
Deno.exit(await runChild([FAULTS[name].experiment], Deno.args));
