/**
 * Programs that tests start. A step that would harm other tests (losing root, reaching a limit,
 * dying) runs in a process of its own, which prints its observations as JSON.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type Outcome, ROOT, runProgram } from "../support/programs.ts";

/**
 * The command that runs a program, as words, so that a caller can put another command before it.
 *
 * @param program The program's path below `tests/`.
 * @param args The program's arguments.
 * @param flags Flags of Deno.
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
    `${ROOT}/tests/${program}`,
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
