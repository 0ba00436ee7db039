/**
 * Running the programs of `programs/`: what would harm the other tests (losing root, reaching a limit, dying) is done by a
 * process of its own, which tells on standard output, in JSON, what it saw.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type Outcome, ROOT, runProgram } from "../support/programs.ts";

/**
 * The command that runs a program, for those who put another before it.
 *
 * @param flags Deno's.
 */
export function command(
  program: string,
  args: readonly string[] = [],
  flags: readonly string[] = [],
): string[] {
  return [
    Deno.execPath(),
    "run",
    "-A",
    "--quiet",
    ...flags,
    `${ROOT}/tests/ffi/programs/${program}`,
    ...args,
  ];
}

/** Runs a command. */
export function run([program, ...args]: readonly string[]): Promise<Outcome> {
  return runProgram(program, args);
}

/** The JSON that a command prints. Throws if the command fails. */
// deno-lint-ignore no-explicit-any
export async function resultOf(command: readonly string[]): Promise<any> {
  const { code, stdout, stderr } = await run(command);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return JSON.parse(stdout);
}
