/**
 * A child of `privilege-drop` that is hostile, in the way that the query of its URL names.
 *
 * @module
 */

import { runChild } from "../../lib/harness/child_main.ts";
import { child, privilegeDrop } from "../../lib/experiments/privilege_drop/experiment.ts";
import { HOSTILE, type HostileName, turnHostile } from "./abuses.ts";

const name = new URL(import.meta.url).search.slice(1) as HostileName;
Deno.exit(
  await runChild([{
    ...privilegeDrop,
    child(run) {
      turnHostile(run, HOSTILE[name]);
      return child(run);
    },
  }], Deno.args),
);
