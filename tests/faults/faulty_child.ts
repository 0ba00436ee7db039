/**
 * The child of a main job with a fault, which the query of its URL names.
 *
 * @module
 */

import { runChild } from "../../lib/child.ts";
import { FAULTS, faulty } from "./faults.ts";

const name = new URL(import.meta.url).search.slice(1);
Deno.exit(await runChild([faulty(FAULTS[name])], Deno.args));
