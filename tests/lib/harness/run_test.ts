/** What an experiment has refuted stays refuted, by whatever error it ends. */

import { assertEquals, assertRejects } from "@std/assert";
import { SystemError } from "../../../ffi/abi/errno.ts";
import { parseCommandLine } from "../../../lib/cli/command_line.ts";
import {
  CannotAnswer,
  CannotLook,
  CutShort,
  InterfaceChanged,
} from "../../../lib/evidence/errors.ts";
import { judged, type Verdict } from "../../../lib/evidence/evidence.ts";
import { privilegeDrop } from "../../../lib/experiments/privilege_drop/experiment.ts";
import type { Experiment } from "../../../lib/harness/experiment.ts";
import { runExperiment } from "../../../lib/harness/run.ts";
import { findSetting } from "../../../lib/harness/setting.ts";
import { testNeeding } from "../../support/needs.ts";

const root = { root: true };

/** Runs an experiment that finds out whether the child has root, and then ends by an error. */
async function verdictAfter(holds: boolean, error: Error): Promise<Verdict> {
  const experiment: Experiment = {
    ...privilegeDrop,
    parent(run) {
      run.check("DROP-03", judged(holds, "uid"));
      throw error;
    },
  };
  const task = parseCommandLine(["lo"], [experiment]);
  if (task.task !== "run") throw new TypeError(task.task);
  const setting = findSetting(task.run, "", [experiment]);
  return (await runExperiment(experiment, { setting, signal: new AbortController().signal }))
    .verdict;
}

const ENDS = [
  new CutShort("a signal"),
  new CannotLook("a tracer"),
  new InterfaceChanged("it went down", "bring it up"),
  new SystemError("socket", 1),
];

testNeeding(root, "A claim that was refuted stays so, whatever ends the run", async () => {
  for (const end of [...ENDS, new CannotAnswer("no program", "install it")]) {
    assertEquals(await verdictAfter(false, end), "FAIL", end.message);
  }
});

testNeeding(root, "Without a refutation, the same ends leave the question open", async () => {
  for (const end of ENDS) assertEquals(await verdictAfter(true, end), "INCONCLUSIVE", end.message);
  const missing = new CannotAnswer("no program", "install it");
  await assertRejects(() => verdictAfter(true, missing), CannotAnswer, "no program");
});
