/**
 * A child of `privilege-drop` that abuses the parent in the way that the query of its URL names.
 *
 * @module
 */

import { runChild } from "../../lib/harness/child_main.ts";
import { child, privilegeDrop } from "../../lib/experiments/privilege_drop/experiment.ts";
import { type AbuseName, abuseParent, ABUSES } from "./abuses.ts";

const name = new URL(import.meta.url).search.slice(1) as AbuseName;
Deno.exit(
  await runChild([{
    ...privilegeDrop,
    child(run) {
      abuseParent(run, ABUSES[name]);
      return child(run);
    },
  }], Deno.args),
);
