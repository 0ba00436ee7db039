/**
 * Sends a signal by kill(2) itself, from a process without Deno's permission to do so.
 *
 * @module
 */

/** The signal numbers, which are the same on x86_64 and aarch64: signal(7). */
const NUMBERS: Partial<Record<Deno.Signal, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGKILL: 9,
  SIGPIPE: 13,
  SIGTERM: 15,
  SIGSTOP: 19,
};

/** Sends a signal. */
export function sendSignal(pid: number, signal: Deno.Signal): void {
  const { symbols } = Deno.dlopen("libc.so.6", {
    kill: { parameters: ["i32", "i32"], result: "i32" },
  });
  const number = NUMBERS[signal];
  if (number === undefined || symbols.kill(pid, number) !== 0) {
    throw new Error(`Cannot send ${signal}`);
  }
}
