/**
 * Runs the hostile children of the table, and prints the result of each as a line NAME EXPERIMENT
 * VERDICT EXIT LEFT. LEFT is the number of processes that exist after the run and did not before.
 *
 *     deno task hostile
 *
 * @module
 */

import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import type { Verdict } from "../../lib/evidence/evidence.ts";
import { KEEPING, type Misdeed } from "./any_experiment.ts";
import { LEFT_PROCESSES } from "./leaving.ts";
import { type LiarName, LIARS } from "./liars.ts";
import { runFromOutside } from "./outside.ts";

/** One run of the table. */
export interface Row {
  readonly name: LiarName | Misdeed;
  /** As printed, such as `privilege-drop --harden`. */
  readonly experiment: string;
  readonly module: string;
  readonly args: readonly string[];
  readonly verdicts: readonly Verdict[];
}

const liars = (Object.keys(LIARS) as LiarName[]).flatMap((name) =>
  [[], ["--harden"]].map((options): Row => {
    const { args = [], verdicts = ["FAIL"] } = LIARS[name].behaviour;
    return {
      name,
      experiment: ["privilege-drop", ...options].join(" "),
      module: `./child.ts?${name}`,
      args: [...options, ...args],
      verdicts,
    };
  })
);

const leaving = EXPERIMENTS.flatMap(({ name: experiment }) =>
  LEFT_PROCESSES.map((name): Row => ({
    name,
    experiment,
    module: `./any_child.ts?${name}`,
    args: ["-e", experiment, "-t", "60"],
    verdicts: ["FAIL"],
  }))
);

/** The experiments whose workers are hardened without `--harden`. */
const ALWAYS_HARDENED = ["authority", "supervisor"];

const elsewhere = EXPERIMENTS.filter(({ name }) => name !== "privilege-drop").flatMap(
  ({ name: experiment }) =>
    [...KEEPING, "honest" as const].map((name): Row => {
      const options = ALWAYS_HARDENED.includes(experiment) ? [] : ["--harden"];
      return {
        name,
        experiment: [experiment, ...options].join(" "),
        module: `./any_child.ts?${name}`,
        args: ["-e", experiment, ...options, "-t", "60"],
        verdicts: [name === "honest" ? "PASS" : "FAIL"],
      };
    }),
);

/** Every run of the table. */
export const ROWS: readonly Row[] = [...liars, ...elsewhere, ...leaving];

/** Runs one; returns its line, and what is wrong with it, if anything. */
export async function run({ name, experiment, module, args, verdicts }: Row) {
  const { evidence: { verdict }, exit, left } = await runFromOutside(module, args);
  const line = `${name} ${experiment} ${verdict} ${exit} ${left.length}`;
  const isRight = verdicts.includes(verdict) && left.length === 0;
  return { line, wrong: isRight ? undefined : `${line}: ${verdicts.join(" or ")}, 0 left wanted` };
}

if (import.meta.main) {
  let isWrong = false;
  for (const row of ROWS) {
    const { line, wrong } = await run(row);
    // deno-lint-ignore no-console -- the table is this program's output
    console.log(line);
    isWrong ||= wrong !== undefined;
  }
  Deno.exit(isWrong ? 1 : 0);
}
