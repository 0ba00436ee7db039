/**
 * One SCM_RIGHTS round trip, ours beside C: with one descriptor and with as many as fit, in turn,
 * on the same processor. The ratio compares round trips per second. Needs a C compiler.
 *
 *     deno run -A bench/scm_rights.ts [REPETITIONS] [--json FILE]
 *
 * @module
 */

import { Programs } from "./compile.ts";
import { numbersAndJson, withSpread, writeJson } from "./json.ts";
import { printMeasurements } from "./spread.ts";

const { numbers: [REPETITIONS], json } = numbersAndJson("bench/scm_rights.ts", 5);
const CPU = "0";
const CASES = [
  { descriptors: 1, rounds: 100_000 },
  { descriptors: 253, rounds: 2_000 },
];

/** Microseconds per round trip. */
function measure(command: readonly string[], descriptors: number, rounds: number): number {
  const amounts = ["--descriptors", String(descriptors), "--rounds", String(rounds)];
  const { success, stdout } = new Deno.Command("taskset", {
    args: ["-c", CPU, ...command, ...amounts],
    stderr: "inherit",
  }).outputSync();
  if (!success) throw new Error(`${command.join(" ")} failed`);
  return JSON.parse(new TextDecoder().decode(stdout)).us_per_round;
}

using programs = new Programs("scm_rights");
const c = [programs.path("scm_rights")];
const ours = [Deno.execPath(), "run", "-A", "bench/round_trip.ts"];

const rows: { [name: string]: number[] } = {};
for (const { descriptors, rounds } of CASES) {
  const theirs: number[] = [];
  const mine: number[] = [];
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    theirs.push(measure(c, descriptors, rounds));
    mine.push(measure(ours, descriptors, rounds));
  }
  const ratios = theirs.map((each, i) => each / mine[i]);
  rows[`ratio: ours / C, round trips/s, ${descriptors} descriptors`] = ratios;
  rows[`µs per round trip: ours, ${descriptors} descriptors`] = mine;
  rows[`µs per round trip: C, ${descriptors} descriptors`] = theirs;
}
printMeasurements(`${REPETITIONS} times in turn`, rows);
writeJson(json, withSpread(rows));
