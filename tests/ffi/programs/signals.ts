/**
 * Running a step of a program while signals interrupt it.
 *
 * @module
 */

/**
 * Resolves when the runtime has handled every earlier signal. The runtime passes them on from a
 * thread of its own.
 */
async function handled(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  Deno.addSignalListener("SIGUSR2", () => resolve());
  Deno.kill(Deno.pid, "SIGUSR2");
  await promise;
  await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Runs a step while this process receives SIGUSR1 every few milliseconds, with a handler. */
export async function underSignals<T>(step: () => T): Promise<T> {
  Deno.addSignalListener("SIGUSR1", () => {});
  const script = "while kill -USR1 $PPID; do sleep 0.005; done";
  const signals = new Deno.Command("sh", { args: ["-c", script], stderr: "null" }).spawn();
  try {
    return step();
  } finally {
    signals.kill();
    await signals.status;
    await handled(); // a signal that is passed on after the listeners are removed would kill
  }
}
