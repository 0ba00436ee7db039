/**
 * Runs fdpass in the namespaces of the test, for runs that end before they open anything.
 *
 * @module
 */

import { type Outcome, runProgram } from "../support/programs.ts";

/** The command that runs fdpass. */
export const FDPASS = [Deno.execPath(), "run", "-A", "main.ts"] as const;

/**
 * The command that runs fdpass under strace, which must be the only tracer: it neither stops the
 * child nor asks in its threads.
 */
export const FDPASS_WITHOUT_PTRACE = [
  Deno.execPath(),
  "run",
  "-A",
  "tests/support/without_ptrace.ts",
] as const;

/**
 * Runs fdpass.
 *
 * @param before A program that runs it, with arguments, such as `["setpriv", "--no-new-privs"]`.
 */
export function here(args: readonly string[], before: readonly string[] = []): Promise<Outcome> {
  const [program, ...rest] = [...before, ...FDPASS, ...args];
  return runProgram(program, rest);
}

/**
 * Runs a program without root in a user namespace. The files stay readable wherever they are, which
 * `setpriv --reuid` would prevent.
 */
export const NOT_ROOT = ["unshare", "--user", "--map-user=65534", "--map-group=65534"] as const;

/** Runs a program as root without the right to create packet sockets. */
export const WITHOUT_NET_RAW = [
  "setpriv",
  "--bounding-set=-net_raw",
  "--inh-caps=-net_raw",
] as const;

/** Runs a program where a system call with certain arguments is refused: `refuse_syscall.ts`. */
export function refusing(syscall: string, errno: string, when: Record<number, number> = {}) {
  const conditions = Object.entries(when).map(([argument, value]) => `${argument}=${value}`);
  const program = "tests/support/refuse_syscall.ts";
  return [Deno.execPath(), "run", "-A", program, syscall, errno, ...conditions, "--"];
}
