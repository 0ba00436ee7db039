/**
 * Runs `authority`, and inspects the worker of each column before it attacks: without stopping it,
 * and then asking it. Prints the evidence, and the predictions beside it.
 *
 *     deno run -A tests/refutations/inspect_matrix_run.ts [--defect NAME] [COLUMN…]
 *
 * A defect is one of `authority.ts`: something that goes wrong in the worker. A column is one of
 * the experiment, or some protections, such as `locked-filter+undumpable`.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { parseCommandLine } from "../../lib/cli/command_line.ts";
import { authority, parent } from "../../lib/experiments/authority/experiment.ts";
import type { Protection } from "../../lib/confine/protections.ts";
import { type Column, COLUMNS } from "../../lib/experiments/authority/expected_outcome.ts";
import { CannotLook } from "../../lib/evidence/errors.ts";
import { environment, evidenceOf, runExperiment } from "../../lib/harness/run.ts";
import { findSetting } from "../../lib/harness/setting.ts";
import { askDaemon } from "../../lib/inspect/asking/asking.ts";
import { seeDaemon } from "../../lib/inspect/daemon.ts";
import { predict } from "../../lib/inspect/prediction/predict.ts";
import { seePacketSockets } from "../../lib/inspect/sockets/socket_state.ts";
import type { AskedDaemon, Prediction, SeenDaemon } from "../../lib/inspect/subject.ts";
import { pause } from "../support/pause.ts";
import { printJson } from "../ffi/programs/print_json.ts";

/** The predictions of a column, by operation. */
type Predictions = Record<string, Prediction>;

/** The predictions by column: of what was seen, and of what was also asked. */
const predicted: Record<string, { seen: Predictions; asked: Predictions }> = {};

/**
 * Looks at a worker.
 *
 * @param target The sibling at which the worker's attack aims. Any sibling would do for an
 * attacker, and one is dumpable, so the other must not count.
 */
async function look(pid: number, target: number) {
  const seen = seeDaemon(pid);
  const only = (pids: readonly number[]) => pids.filter((each) => each === target);
  const { dumpable, undumpable } = seen.siblings!;
  const siblings = { dumpable: only(dumpable), undumpable: only(undumpable) };
  const daemon: SeenDaemon = { ...seen, siblings };
  const sockets = seePacketSockets(daemon).states;
  const predictions = (asked: AskedDaemon | undefined): Predictions =>
    Object.fromEntries(
      [...predict({ daemon, sockets, asked })].map(([name, columns]) => {
        if (columns.size !== 1) throw new Error(`${columns.size} columns`);
        return [name, [...columns.values()][0]];
      }),
    );
  return { seen: predictions(undefined), asked: predictions(await ask(daemon)) };
}

/** How often a worker is asked that would stand still for too long, on a loaded machine. */
const ATTEMPTS = 5;

/** The time between two attempts, in milliseconds. */
const PAUSE = 300;

async function ask(daemon: SeenDaemon): Promise<AskedDaemon> {
  for (let left = ATTEMPTS - 1;; left--) {
    try {
      return askDaemon(daemon);
    } catch (error) {
      if (left === 0 || !(error instanceof CannotLook)) throw error;
      await pause(PAUSE); // a thread that did not stop in time is released in the event loop
    }
  }
}

const { defect, _: names } = parseArgs(Deno.args, { string: ["defect"] });

/** Returns a column of the experiment, or one of these protections. */
function columnOf(name: string): Column {
  const listed = COLUMNS.find((column) => column.name === name);
  return listed ?? { name, chosen: name.split("+") as Protection[] };
}

const chosen = names.length === 0 ? COLUMNS : names.map((name: unknown) => columnOf(`${name}`));
const task = parseCommandLine(["--timeout", "60", "veth-fdpass"], [authority]);
if (task.task !== "run") throw new Error(`Nothing to run: ${task.task}`);
const { run } = task;
const experiment = await runExperiment(
  {
    ...authority,
    parent: (parentRun) =>
      parent(parentRun, chosen, async (column, worker, sibling) => {
        predicted[column] = await look(worker.pid, sibling.pid);
      }),
  },
  {
    setting: findSetting(run, "", [authority]),
    signal: new AbortController().signal,
    childModule: defect === undefined
      ? authority.module
      : new URL(`./authority_child.ts?${defect}`, import.meta.url).href,
  },
);
printJson({ predicted, ...evidenceOf(environment(run.interface, run.user), [experiment]) });
Deno.exit(0);
