/**
 * A hostile child of `privilege-drop`. The query of its URL names its behaviour: `?NAME`, or
 * `?NAME&SEED` for one that reports random findings.
 *
 * @module
 */

import { runChild } from "../../lib/harness/child_main.ts";
import { privilegeDrop } from "../../lib/experiments/privilege_drop/experiment.ts";
import { randomReports } from "./random_reports.ts";
import { behave } from "./behaviour.ts";
import { type LiarName, LIARS } from "./liars.ts";
import { type ViolationName, VIOLATIONS } from "./violations.ts";

const [name, seed] = new URL(import.meta.url).search.slice(1).split("&");
const { behaviour, report } = LIARS[name as LiarName] ??
  { behaviour: VIOLATIONS[name as ViolationName], report: seed && randomReports(Number(seed)) };
Deno.exit(
  await runChild(
    [{ ...privilegeDrop, child: (run) => behave(run, behaviour, report || undefined) }],
    Deno.args,
  ),
);
