/**
 * A process that strace traces, so that nobody else can.
 *
 * @module
 */

import { until } from "../e2e/processes.ts";

/** How long strace may take to attach, in milliseconds. */
const PATIENCE = 10_000;

/** Whether a process has a tracer. */
const isTraced = (pid: number): boolean =>
  !/^TracerPid:\t0$/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));

/**
 * Has strace trace a process that runs. Leaving the scope of an `await using` ends strace, and the
 * process goes on.
 *
 * @returns The id of strace.
 */
export async function straceOn(pid: number): Promise<{ readonly pid: number } & AsyncDisposable> {
  const strace = new Deno.Command("strace", {
    args: ["-o", "/dev/null", "-p", String(pid)],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await using undo = new AsyncDisposableStack();
  undo.defer(async () => {
    strace.kill();
    await strace.status;
  });
  await until("strace traces it", () => isTraced(pid), PATIENCE);
  const ending = undo.move();
  return { pid: strace.pid, [Symbol.asyncDispose]: () => ending.disposeAsync() };
}
