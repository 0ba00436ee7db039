/**
 * The child of the experiment `authority` with a fault, which the query of its URL names.
 *
 * @module
 */

import { runChild } from "../../lib/harness/child_main.ts";
import { faultyAuthority } from "./authority.ts";

const fault = new URL(import.meta.url).search.slice(1);
Deno.exit(await runChild([faultyAuthority(fault)], Deno.args));
