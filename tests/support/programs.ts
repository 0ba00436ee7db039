/**
 * Runs programs as a user would, and returns their outcomes.
 *
 * @module
 */

import type { Evidence } from "../../lib/evidence/evidence.ts";
import { assertSchema } from "./schema.ts";

/** The folder of the project. */
export const ROOT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

/** The exit status and the output of a program. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a program. */
export interface RunProgramOptions {
  readonly env?: Record<string, string>;
  /** When it is killed, in milliseconds; 90,000 by default. */
  readonly timeout?: number;
}

/** Runs a program to its end, without standard input. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { env = {}, timeout = 90_000 }: RunProgramOptions = {},
): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: ROOT,
    env: { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(timeout),
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/**
 * Runs a command in a private network namespace with a veth pair, whose near end is `veth-fdpass`.
 */
export function inNamespace(
  command: readonly string[],
  options?: RunProgramOptions,
): Promise<Outcome> {
  return runProgram(`${ROOT}/scripts/netns.sh`, command, options);
}

/** Runs fdpass in such a namespace. */
export function fdpass(args: readonly string[], options?: RunProgramOptions): Promise<Outcome> {
  return inNamespace([Deno.execPath(), "run", "-A", "main.ts", ...args], options);
}

/**
 * The evidence that a run printed by `--json`.
 *
 * @throws {Error} If it violates the published schema.
 */
export function evidenceIn({ stdout }: Outcome): Evidence {
  const evidence = JSON.parse(stdout);
  assertSchema(evidence);
  return evidence;
}
