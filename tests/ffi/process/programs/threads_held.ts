/**
 * Starts threads and drops all references to them, released and not; prints whether their semaphore
 * survives a garbage collection, and whether they end with the isolate.
 *
 * @module
 */

import { WaitingThreads } from "../../../../ffi/mod.ts";
import { ended, threads } from "../tasks.ts";
import { outlives } from "../../programs/collecting.ts";
import { printJson } from "../../programs/print_json.ts";

const waiting = await outlives(() => new WaitingThreads(1));
const released = await outlives(() => {
  using threads = new WaitingThreads(1);
  return threads;
});
const before = threads();
new WaitingThreads(3);
const started = threads().difference(before);
globalThis.dispatchEvent(new Event("unload"));
printJson({ waiting, released, enough: started.size >= 3, ended: ended(started, 3) >= 3 });
