/**
 * The obstacles that a child meets because of other children, or as one of several, and the
 * controls of the excuse: a child that only pretends the same, where there is no obstacle.
 *
 * @module
 */

import { evidenceIn, inNamespace } from "../support/programs.ts";
import { FDPASS, refusing } from "./here.ts";

/** An obstacle. */
export interface Obstacle {
  readonly what: string;
  readonly experiment: string;
  /** The command that runs a program there. */
  readonly before: readonly string[];
  /** The error of the run. */
  readonly reason: RegExp;
  /** The misdeed of `tests/hostile/any_experiment.ts` that looks the same. */
  readonly misdeed: string;
}

/** The obstacles, by name. */
export const OBSTACLES = {
  /** Every worker of several gives up. */
  filters: {
    what: "filters are refused",
    experiment: "supervisor",
    before: refusing("seccomp", "EPERM"),
    reason: /^No worker is left .*seccomp: .*\(EPERM\); root's own control is refused too/,
    misdeed: "pretender",
  },
  /** The two siblings have the uid of the third worker, and take all the processes that it may. */
  processes: {
    what: "the processes of the user are used up by other children",
    experiment: "authority",
    before: ["bash", "-c", 'ulimit -u 40; exec "$0" "$@"'],
    reason: /: .*; root's own control, an empty program .* too: .*; raise the limits/,
    misdeed: "leaver",
  },
} as const satisfies Readonly<Record<string, Obstacle>>;

async function outcomeOf(command: readonly string[], { experiment }: Obstacle) {
  const args = ["--json", "-t", "30", "-e", experiment, "veth-fdpass"];
  const outcome = await inNamespace([...command, ...args], { timeout: 60_000 });
  const { verdict, experiments: [{ error }] } = evidenceIn(outcome);
  return { answer: [verdict, outcome.code], error: error ?? "" };
}

/** Runs the experiment beside the obstacle. */
export const hindered = (obstacle: Obstacle) =>
  outcomeOf([...obstacle.before, ...FDPASS], obstacle);

/** Runs the experiment with a child that pretends the obstacle. */
export function pretended(obstacle: Obstacle) {
  const module = `./any_child.ts?${obstacle.misdeed}`;
  const program = [Deno.execPath(), "run", "-A", "tests/hostile/run.ts", module];
  return outcomeOf(program, obstacle);
}
