/**
 * One SCM_RIGHTS round trip, ours beside C: with one descriptor and with as many as fit, in turn, on the same processor. The ratio
 * is of round trips per second. Needs a C compiler.
 *
 *     deno run -A bench/scm_rights.ts [REPETITIONS]
 *
 * @module
 */

// deno-lint-ignore-file no-console -- it is a program that prints

import { Programs } from "./compile.ts";
import { spread } from "./spread.ts";

const REPETITIONS = Number(Deno.args[0] ?? 5);
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

console.log(`${REPETITIONS} times in turn${" ".repeat(33)}minimum  median maximum`);
for (const { descriptors, rounds } of CASES) {
  const theirs: number[] = [];
  const mine: number[] = [];
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    theirs.push(measure(c, descriptors, rounds));
    mine.push(measure(ours, descriptors, rounds));
  }
  const row = (name: string, values: readonly number[]) =>
    console.log(`${`${name}, ${descriptors} descriptors`.padEnd(48)}${spread(values)}`);
  row("ratio: ours / C, round trips per second", theirs.map((each, i) => each / mine[i]));
  row("µs per round trip: ours", mine);
  row("µs per round trip: C", theirs);
}
