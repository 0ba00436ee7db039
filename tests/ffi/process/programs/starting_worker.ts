/**
 * A web worker that starts threads and ends them, without end. It reports once that it has begun.
 *
 * @module
 */

import { WaitingThreads } from "../../../../ffi/mod.ts";

for (let round = 0;; round++) {
  {
    using _threads = new WaitingThreads(3);
  }
  if (round === 0) (self as unknown as Worker).postMessage("begun");
}
