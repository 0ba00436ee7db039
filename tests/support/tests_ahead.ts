/**
 * Tests that wait for programs of their own most of the time: some of them begin before their turn, beside the one whose turn it is.
 *
 * @module
 */

import { type Needs, testNeeding } from "./needs.ts";

/** How many run beside the one whose turn it is. */
const AHEAD = 1;

interface Entry {
  readonly test: () => Promise<void>;
  run?: Promise<void>;
}

/** The tests of one file. */
export class TestsAhead {
  readonly #entries: Entry[] = [];

  /** Registers a test, as `testNeeding` does. Nothing that it looks at may be another test's. */
  add(needs: Needs, name: string, test: () => Promise<void>): void {
    const place = this.#entries.push({ test }) - 1;
    testNeeding(needs, name, () => {
      for (const entry of this.#entries.slice(place, place + 1 + AHEAD)) this.#start(entry);
      return this.#entries[place].run!;
    });
  }

  #start(entry: Entry): void {
    entry.run ??= entry.test();
    entry.run.catch(() => {}); // it is looked at when its turn comes
  }
}
