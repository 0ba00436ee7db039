/**
 * Blocks signals, and prints which threads block which, what a program inherits, and which signals
 * are received.
 *
 * @module
 */

import { blockSignals, readTextFile, signalsIn, withOriginalMask } from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

const blockedIn = (path: string) => [...signalsIn(readTextFile(path), "SigBlk")];
const here = () => blockedIn("/proc/thread-self/status");

/** The signals that `grep` reports as blocked. */
function inherited(start: (command: Deno.Command) => Deno.CommandOutput): number[] {
  const command = new Deno.Command("grep", { args: ["SigBlk", "/proc/self/status"] });
  return [...signalsIn(new TextDecoder().decode(start(command).stdout), "SigBlk")];
}

const original = here();
blockSignals();
blockSignals(); // changes nothing
const seen = {
  original,
  here: here(),
  elsewhere: [...Deno.readDirSync("/proc/self/task")].map(({ name }) =>
    blockedIn(`/proc/self/task/${name}/status`)
  ),
  inherited: inherited((command) => command.outputSync()),
  spawned: inherited((command) => withOriginalMask(() => command.outputSync())),
  within: withOriginalMask(() => withOriginalMask(here)),
  after: [] as number[],
  received: [] as string[],
};
try {
  withOriginalMask(() => {
    throw new RangeError("a step that fails");
  });
} catch {
  seen.after = here();
}
for (const signal of ["SIGUSR1", "SIGTERM"] as const) {
  const { promise, resolve } = Promise.withResolvers<void>();
  Deno.addSignalListener(signal, () => resolve());
  Deno.kill(Deno.pid, signal);
  await promise;
  seen.received.push(signal);
}
printJson(seen);
Deno.exit();
