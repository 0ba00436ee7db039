/**
 * Running fdpass where the test is, in no namespace of its own: for what ends before anything is opened.
 *
 * @module
 */

import { type Outcome, runProgram } from "../support/programs.ts";

/** What runs fdpass. */
export const FDPASS = [Deno.execPath(), "run", "-A", "main.ts"] as const;

/** What runs fdpass where strace is the tracer of all its processes: it neither stops the child nor asks it. */
export const FDPASS_UNASKED = [
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
 * Runs a program without being root, as a user namespace has it: the files stay readable, wherever they are, which
 * `setpriv --reuid` would take away.
 */
export const NOT_ROOT = ["unshare", "--user", "--map-user=65534", "--map-group=65534"] as const;

/** Runs a program as root without the right to make packet sockets. */
export const WITHOUT_NET_RAW = [
  "setpriv",
  "--bounding-set=-net_raw",
  "--inh-caps=-net_raw",
] as const;

/** Runs a program where one system call, with such arguments, is refused: see `refuse_syscall.ts`. */
export function refusing(syscall: string, errno: string, when: Record<number, number> = {}) {
  const conditions = Object.entries(when).map(([argument, value]) => `${argument}=${value}`);
  const program = "tests/support/refuse_syscall.ts";
  return [Deno.execPath(), "run", "-A", program, syscall, errno, ...conditions, "--"];
}
