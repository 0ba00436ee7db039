/** The tables of scripts/kernels_table.ts, for a stored run. */

import { assertEquals, assertMatch } from "@std/assert";
import type { Evidence } from "../../lib/evidence/evidence.ts";
import {
  differingChecks,
  differingOperations,
  type Runs,
  verdictTable,
} from "../../scripts/kernels_table.ts";
import { storedEvidence } from "../support/stored.ts";

/** The runs of a kernel: the stored evidence, changed by `change`. */
function runs(kernel: string, change: (text: string) => string = (text) => text): Runs {
  const evidence: Evidence = JSON.parse(change(JSON.stringify(storedEvidence())));
  return { kernel, reports: new Map([["all", evidence]]) };
}

const here = runs("6.18.0");
const rowsOf = (markdown: string) => markdown.trimEnd().split("\n").slice(2);

Deno.test("verdictTable() counts passed, failed and skipped checks, and names missing reports", () => {
  const dead: Runs = { kernel: "5.10.0", reports: new Map([["all", undefined]]) };
  const [row] = rowsOf(verdictTable([here, dead]));
  assertMatch(row, /^\| all \| [A-Z]+ \(\d+(, \d+ failed)?(, \d+ skipped)?\) \| no report \|$/);
});

Deno.test("differingChecks() lists the checks that did not pass, with the reason", () => {
  const checks = storedEvidence().experiments.flatMap(({ checks }) => checks);
  const passed = rowsOf(differingChecks(here, [runs("6.1.0")])).join("\n");
  const [{ id }] = checks.filter(({ status }) => status === "pass");
  const refuted = runs("5.10.0", (text) =>
    text.replace(
      new RegExp(`("id":"${id}".*?"status":)"pass","observed":"[^"]*"`),
      '$1"skip","observed":"too | old"',
    ));
  const rows = rowsOf(differingChecks(here, [refuted])).join("\n");
  assertEquals(passed.includes(`| ${id} |`), false);
  assertMatch(
    rows,
    new RegExp(`^\\| 5\\.10\\.0 \\| all \\| skip \\| too \\\\\\| old \\| ${id} \\|$`, "m"),
  );
});

Deno.test("differingOperations() lists each outcome that differs from this kernel's", () => {
  const cell = /"outcome":"allowed"/;
  const changed = runs("5.10.0", (text) => text.replace(cell, '"outcome":"EPERM"'));
  const same = rowsOf(differingOperations(here, [runs("6.1.0")]));
  const rows = rowsOf(differingOperations(here, [changed]));
  assertEquals(rows.length, same.length + 1);
  assertMatch(rows.join("\n"), /^\| 5\.10\.0 \| \S+ \| allowed \| EPERM \| allowed \| plain \|$/m);
});
