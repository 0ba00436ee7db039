/**
 * The memory of a worker's progress: the worker may write anything there at any time, and the
 * supervisor reads it.
 *
 * @module
 */

import fc from "fast-check";
import { close, MAP_SHARED, mapOver, pages } from "../../ffi/mod.ts";
import { drawUpAccount } from "../../lib/experiments/supervisor/account.ts";
import { createProgress, Progress } from "../../lib/experiments/supervisor/progress.ts";
import { must, target } from "./target.ts";

const CAPACITY = 16, SENT = 12;

const fd = createProgress(CAPACITY);
const ours = new Progress(fd, CAPACITY);
/** The same memory in the worker. */
const theirs = pages(8192);
mapOver(theirs, MAP_SHARED, fd);
close(fd);
const words = new Uint32Array(theirs.buffer, theirs.byteOffset, 5);
const journal = new Uint32Array(theirs.buffer, theirs.byteOffset + 4096, CAPACITY);

const EDGES = [0, 1, CAPACITY - 1, CAPACITY, CAPACITY + 1, 0x7fffffff, 0x80000000, 0xffffffff];
const word = fc.oneof(
  fc.constantFrom(...EDGES, 0xfffffffe),
  fc.nat(20),
  fc.integer({ min: 0, max: 0xffffffff }),
);

/** What the worker has written. */
interface Memory {
  readonly head: readonly number[];
  readonly journal: readonly number[];
}

/** What the supervisor reads. */
interface Reading {
  readonly count: number;
  readonly entries: number;
  readonly journal: Uint32Array;
  readonly lost: number | undefined;
  readonly doneInBlock: number;
}

type Read = (progress: Progress) => Reading;

const read: Read = (progress) => {
  const { count, entries, doneInBlock } = progress;
  return { count, entries, doneInBlock, lost: progress.takeLost(), journal: progress.journal };
};

/** Fuzzes Progress with a memory that a worker has filled with anything. */
export const progress = target<Memory, Read>({
  claim: "Whatever a worker writes, the supervisor reads whole numbers and a journal of its size",
  cases: fc.record({
    head: fc.array(word, { minLength: 5, maxLength: 5 }),
    journal: fc.array(word, { minLength: CAPACITY, maxLength: CAPACITY }),
  }),
  subject: read,
  wrong: {
    "believes the count": (progress) => ({
      ...read(progress),
      journal: new Uint32Array(Math.min(progress.entries, 1 << 10)),
    }),
    "forgets where the block begins": (progress) => ({
      ...read(progress),
      doneInBlock: progress.count,
    }),
    "believes the journal": (progress) => {
      const reading = read(progress);
      return { ...reading, lost: reading.journal[reading.entries] ?? NaN };
    },
  },
  check(read, { head, journal: numbers }) {
    words.set(head);
    journal.set(numbers);
    const seen = read(ours);
    const { entries } = seen;
    must(seen.journal.length === Math.min(entries, CAPACITY), `${seen.journal.length} entries`);
    const [count, , , base] = head;
    must(seen.doneInBlock === count - base, `${seen.doneInBlock} done in the block`);
    must(seen.lost === undefined || Number.isInteger(seen.lost), `${seen.lost} lost`);
    must(!ours.isInHand, "nothing is in hand any more");
    const { once, twice, lost, foreign } = drawUpAccount(SENT, [seen.journal]);
    must(once + twice + lost.length === SENT, "every frame is once, twice or lost");
    must(once + foreign <= seen.journal.length, "no more than there are");
    try {
      ours.done(1);
      must(entries < CAPACITY && ours.entries === entries + 1, "there was room");
    } catch (error) {
      must(error instanceof RangeError && entries >= CAPACITY, `${error}`);
    }
  },
});
