/**
 * A hostile child of `privilege-drop`, which the query of its URL names: `?NAME`, or `?NAME&SEED` for one that says anything.
 *
 * @module
 */

import { runChild } from "../../lib/harness/child_main.ts";
import { privilegeDrop } from "../../lib/experiments/privilege_drop/experiment.ts";
import { anything } from "./random_reports.ts";
import { play } from "./behaviour.ts";
import { type LiarName, LIARS } from "./liars.ts";
import { type ViolationName, VIOLATIONS } from "./violations.ts";

const [name, seed] = new URL(import.meta.url).search.slice(1).split("&");
const { deed, say } = LIARS[name as LiarName] ??
  { deed: VIOLATIONS[name as ViolationName], say: seed && anything(Number(seed)) };
Deno.exit(
  await runChild(
    [{ ...privilegeDrop, child: (run) => play(run, deed, say || undefined) }],
    Deno.args,
  ),
);
