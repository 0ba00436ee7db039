/**
 * The child of the experiment `authority` with the defect that the query of its URL names.
 *
 * @module
 */

import { runChild } from "../../lib/harness/child_main.ts";
import { defectiveAuthority } from "./authority.ts";

const defect = new URL(import.meta.url).search.slice(1);
Deno.exit(await runChild([defectiveAuthority(defect)], Deno.args));
