/**
 * Makes a call on every thread, again and again, while two other threads start threads without end.
 * Prints the number of rounds after which a thread lacked the effect of the call, and the number of
 * threads that came and went meanwhile.
 *
 *     call_while_threads_start.ts ROUNDS
 *
 * The call sets the timer slack of a thread, which a new thread inherits: prctl(2).
 *
 * @module
 */

import { callOnEveryThread, ownThreads, readTextFile, unlessGone } from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

const PR_SET_TIMERSLACK = 29;

const module = import.meta.resolve("./starting_worker.ts");
for (let i = 0; i < 2; i++) {
  const worker = new Worker(module, { type: "module" });
  await new Promise((resolve) => worker.onmessage = resolve);
}

let incomplete = 0;
const seen = new Set<number>();
for (let round = 1; round <= Number(Deno.args[0]); round++) {
  const slack = 100_000 + round;
  callOnEveryThread("prctl", PR_SET_TIMERSLACK, slack, 0, 0, 0);
  const slacks = [...ownThreads().keys()].map((tid) => {
    seen.add(tid);
    return unlessGone(() => readTextFile(`/proc/${tid}/timerslack_ns`));
  });
  if (slacks.some((text) => text !== undefined && Number(text) !== slack)) incomplete++;
}
printJson({ incomplete, threads: seen.size });
Deno.exit();
