/**
 * Runs of a child that ends a run early.
 *
 * @module
 */

import { evidenceIn, inNamespace } from "../support/programs.ts";
import type { Misdeed } from "./any_experiment.ts";

/** Runs fdpass with a child of that misdeed. Returns what the parent saw refuted, by id. */
export async function runMisdeed(misdeed: Misdeed, args: readonly string[]) {
  const module = `./any_child.ts?${misdeed}`;
  const program = [Deno.execPath(), "run", "-A", "tests/hostile/run.ts", module, "--json"];
  const outcome = await inNamespace([...program, ...args, "veth-fdpass"]);
  const { experiments: [{ error, checks }] } = evidenceIn(outcome);
  const refuted = checks.filter(({ status, observed }) =>
    status === "fail" && observed !== "never ran"
  );
  return { code: outcome.code, error: error ?? "", refuted: refuted.map(({ id }) => id) };
}
