/**
 * Tests that mostly wait for programs: each starts the next one before its turn, so that both run
 * side by side.
 *
 * @module
 */

import { type Needs, testNeeding } from "./needs.ts";

/** How many tests run beside the one whose turn it is. */
const AHEAD = 1;

interface Entry {
  readonly test: () => Promise<void>;
  run?: Promise<void>;
}

/** The tests of a file. */
export class TestsAhead {
  readonly #entries: Entry[] = [];

  /** Registers a test, as `testNeeding` does. The tests of a file must not affect each other. */
  add(needs: Needs, name: string, test: () => Promise<void>): void {
    const place = this.#entries.length;
    const willRun = testNeeding(needs, name, () => {
      for (const entry of this.#entries.slice(place, place + 1 + AHEAD)) this.#start(entry);
      return this.#entries[place].run!;
    });
    if (willRun) this.#entries.push({ test });
  }

  #start(entry: Entry): void {
    entry.run ??= entry.test();
    entry.run.catch(() => {}); // it is awaited when its turn comes
  }
}
