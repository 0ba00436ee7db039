/**
 * Runs `authority`, and inspects the worker of each column before it attacks, with and without
 * stopping it. Prints the evidence, and the predictions beside it.
 *
 *     deno run -A tests/refutations/inspect_matrix_run.ts [COLUMN…]
 *
 * @module
 */

import { parseCommandLine } from "../../lib/cli/command_line.ts";
import { authority, parent } from "../../lib/experiments/authority/experiment.ts";
import { COLUMNS } from "../../lib/experiments/authority/expected_outcome.ts";
import { environment, evidenceOf, runExperiment } from "../../lib/harness/run.ts";
import { findSetting } from "../../lib/harness/setting.ts";
import { predict } from "../../lib/inspect/prediction/predict.ts";
import type { Prediction } from "../../lib/inspect/subject.ts";
import { printJson } from "../ffi/programs/print_json.ts";
import { subjectOf } from "../support/stand_in_subject.ts";

/** By column, whether it was asked, and operation. */
const predicted: Record<string, Record<"seen" | "asked", Record<string, Prediction>>> = {};

function inspect(pid: number, siblings: Parameters<typeof subjectOf>[1], ask: boolean) {
  const matrix = predict(subjectOf(pid, siblings, ask));
  return Object.fromEntries(
    [...matrix].map(([name, columns]) => [name, [...columns.values()][0]]),
  );
}

const chosen = COLUMNS.filter(({ name }) => Deno.args.length === 0 || Deno.args.includes(name));
const task = parseCommandLine(["--timeout", "60", "veth-fdpass"], [authority]);
if (task.task !== "run") throw new Error(`Nothing to run: ${task.task}`);
const { run } = task;
const whole = await runExperiment(
  {
    ...authority,
    parent: (parentRun) =>
      parent(parentRun, chosen, (column, worker, sibling) => {
        // The attack aims at one sibling, and the prediction at all.
        const isUndumpable = COLUMNS.find(({ name }) => name === column)!
          .chosen.includes("undumpable");
        const siblings = isUndumpable
          ? { dumpable: [], undumpable: [sibling.pid] }
          : { dumpable: [sibling.pid], undumpable: [] };
        predicted[column] = {
          seen: inspect(worker.pid, siblings, false),
          asked: inspect(worker.pid, siblings, true),
        };
      }),
  },
  {
    setting: findSetting(run, "", [authority]),
    signal: new AbortController().signal,
    childModule: authority.module,
  },
);
const evidence = evidenceOf(environment(run.interface, run.user), [whole]);
printJson({ predicted, evidence });
Deno.exit(0);
