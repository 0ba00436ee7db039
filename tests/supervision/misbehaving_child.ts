/**
 * A worker of the supervisor. If it is to become the user of the misbehaving seat, it misbehaves in
 * the way that the query of its URL names.
 *
 * @module
 */

import { getresuid } from "../../ffi/mod.ts";
import { runChild } from "../../lib/harness/child_main.ts";
import type { ChildRun } from "../../lib/harness/child_run.ts";
import { supervisor } from "../../lib/experiments/supervisor/experiment.ts";
import { Progress } from "../../lib/experiments/supervisor/progress.ts";
import { work } from "../../lib/experiments/supervisor/worker.ts";
import { FORGED, MISBEHAVING, MISBEHAVIOURS } from "./misbehaviours.ts";

const name = new URL(import.meta.url).search.slice(1);
// The launcher has already set the real uid to the worker's.
const misbehaves = getresuid().real === MISBEHAVING;
if (misbehaves && name === "forges-progress") {
  const { enter } = Progress.prototype;
  Progress.prototype.enter = function (sequence) {
    enter.call(this, sequence);
    const { store } = Atomics;
    // From now on every store writes nonsense.
    const forged = (words: Uint32Array | BigUint64Array, index: number) =>
      words instanceof BigUint64Array
        ? store(words, index, BigInt(FORGED) << 32n | BigInt(FORGED))
        : store(words, index, FORGED);
    Object.assign(Atomics, { store: forged });
  };
}
const child = (run: ChildRun) => {
  if (misbehaves) MISBEHAVIOURS[name].misbehave(run);
  return work(run);
};
Deno.exit(await runChild([{ ...supervisor, child }], Deno.args));
