/**
 * A worker of the supervisor that counts frames that were never sent, for ever, and answers as it
 * should.
 *
 * @module
 */

import { poll, POLLIN } from "../../ffi/mod.ts";
import { runChild } from "../../lib/harness/child_main.ts";
import { supervisor } from "../../lib/experiments/supervisor/experiment.ts";
import { work } from "../../lib/experiments/supervisor/worker.ts";

/** The time between two counts, in milliseconds: less than between two looks of the supervisor. */
const PAUSE = 5;

/** The memory of its progress, known from its first store. */
let words: Uint32Array<ArrayBuffer> | undefined;
const { store } = Atomics;
Object.assign(Atomics, {
  store(array: Uint32Array<ArrayBuffer>, index: number, value: number) {
    if (array.length === 1024) words ??= array;
    return store(array, index, value);
  },
});

Deno.exit(
  await runChild([{
    ...supervisor,
    child(run) {
      run.readable = (fd) => {
        for (;;) {
          const [descriptor, parent] = poll([fd, run.channelFd], POLLIN, PAUSE);
          if (parent !== 0) return "parent";
          if (descriptor !== 0) return "descriptor";
          if (words !== undefined) Atomics.add(words, 0, 1);
        }
      };
      return work(run);
    },
  }], Deno.args),
);
