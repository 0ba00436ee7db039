/**
 * Starts threads and forgets them, let go and not, and tells whether what they wait on is there still after what nobody holds was collected;
 * and whether they end when the isolate is told that it does.
 *
 * @module
 */

import { WaitingThreads } from "../../../ffi/mod.ts";
import { ended, threads } from "../process/tasks.ts";
import { outlives } from "./collecting.ts";
import { printJson } from "./print_json.ts";

const waiting = await outlives(() => new WaitingThreads(1));
const letGo = await outlives(() => {
  using threads = new WaitingThreads(1);
  return threads;
});
const before = threads();
new WaitingThreads(3);
const started = threads().difference(before);
globalThis.dispatchEvent(new Event("unload"));
printJson({ waiting, letGo, enough: started.size >= 3, ended: ended(started, 3) >= 3 });
