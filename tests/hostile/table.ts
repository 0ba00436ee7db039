/**
 * Runs the hostile children of the table, and prints what came of each, one a line.
 *
 *     deno task hostile
 *
 * NAME EXPERIMENT VERDICT EXIT LEFT: LEFT is the number of processes that are there after the run and were not before.
 *
 * @module
 */

import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import type { Verdict } from "../../lib/evidence/evidence.ts";
import { type Anywhere, KEEPING } from "./any_experiment.ts";
import { LEAVINGS } from "./leaving.ts";
import { type LiarName, LIARS } from "./liars.ts";
import { runFromOutside } from "./outside.ts";

/** One run of the table. */
export interface Row {
  readonly name: LiarName | Anywhere;
  /** As it is printed: `privilege-drop --harden`. */
  readonly experiment: string;
  readonly module: string;
  readonly args: readonly string[];
  readonly comesTo: readonly Verdict[];
}

const liars = (Object.keys(LIARS) as LiarName[]).flatMap((name) =>
  [[], ["--harden"]].map((options): Row => {
    const { args = [], comesTo = ["FAIL"] } = LIARS[name].deed;
    return {
      name,
      experiment: ["privilege-drop", ...options].join(" "),
      module: `./child.ts?${name}`,
      args: [...options, ...args],
      comesTo,
    };
  })
);

const leaving = EXPERIMENTS.flatMap(({ name: experiment }) =>
  LEAVINGS.map((name): Row => ({
    name,
    experiment,
    module: `./any_child.ts?${name}`,
    args: ["-e", experiment, "-t", "60"],
    comesTo: ["FAIL"],
  }))
);

/** Those whose workers are hardened whatever is asked for. */
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
        comesTo: [name === "honest" ? "PASS" : "FAIL"],
      };
    }),
);

/** Every run of the table. */
export const ROWS: readonly Row[] = [...liars, ...elsewhere, ...leaving];

/** Runs one; returns its line, and what is wrong with it, if anything is. */
export async function run({ name, experiment, module, args, comesTo }: Row) {
  const { evidence: { verdict }, exit, left } = await runFromOutside(module, args);
  const line = `${name} ${experiment} ${verdict} ${exit} ${left.length}`;
  const isRight = comesTo.includes(verdict) && left.length === 0;
  return { line, wrong: isRight ? undefined : `${line}: ${comesTo.join(" or ")}, 0 left wanted` };
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
