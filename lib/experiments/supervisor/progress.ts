/**
 * How far a worker is, in memory that outlives it: what makes its successor go on with the very next frame.
 *
 * Theory of operation. A worker may be killed between any two instructions. What it has done counts when `count` says so, and that is one store:
 *
 *     entering a block     base = count; then sequence = the block's number
 *     each frame           journal[count] = what it was; then count = count + 1
 *     end of the block     back to the kernel (the ring's status word)
 *
 * Killed before the store of `count`, the frame is not done: the successor takes it again, and writes the same place of the journal again. After it,
 * the frame is done. So each is in the journal once. That holds for work whose effect is in this memory; work that goes out (a
 * datagram) is done before the store, and a kill in between does it again: at least once.
 *
 * Killed between the two stores of a new block: the block before is the kernel's already, so whatever `base` says is not looked at.
 *
 * The socket queue has none of that: recvfrom(2) takes the frame from the kernel before anything can be written down. `inHand` says which
 * frame was lost so, as far as the worker had come to writing it.
 *
 * The stores are Atomics', which are also ordered: the supervisor reads the same memory while the worker writes.
 *
 * @module
 */

import { MAP_SHARED } from "../../../ffi/abi/constants.ts";
import { mapOver, pages, sharedMemory, unmap } from "../../../ffi/abi/memory.ts";
import { close } from "../../../ffi/process/descriptor.ts";

/** What stands in the journal, and in `inHand`, for a frame that is not of the stimulus. */
export const FOREIGN = 0xffffffff;

/** `inHand` when there is no frame in hand. */
const NOTHING = 0xfffffffe;

// The words of the first page.
const COUNT = 0, SEQUENCE = 1, BASE = 2, IN_HAND = 3, RESUMED = 4;
const HEADER = 4096;

/** The memory, mapped. */
export class Progress implements Disposable {
  readonly #memory: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #journal: Uint32Array<ArrayBuffer>;

  /**
   * Maps it.
   *
   * @param fd As {@linkcode createProgress} returned it.
   * @param capacity How many frames the journal holds.
   * @throws {SystemError} If it cannot be mapped.
   */
  constructor(fd: number, readonly capacity: number) {
    this.#memory = pages(sizeFor(capacity));
    mapOver(this.#memory, MAP_SHARED, fd);
    const { buffer, byteOffset } = this.#memory;
    this.#words = new Uint32Array(buffer, byteOffset, HEADER / 4);
    this.#journal = new Uint32Array(buffer, byteOffset + HEADER, capacity);
  }

  /** How many frames are done. */
  get count(): number {
    return Atomics.load(this.#words, COUNT);
  }

  /** The block that was entered last, by its number; 0 for none. */
  get sequence(): number {
    return Atomics.load(this.#words, SEQUENCE);
  }

  /** How many frames of that block are done. */
  get doneInBlock(): number {
    return this.count - Atomics.load(this.#words, BASE);
  }

  /** Begins a block. */
  enter(sequence: number): void {
    Atomics.store(this.#words, BASE, this.count);
    Atomics.store(this.#words, SEQUENCE, sequence);
  }

  /** How often a worker has gone on in the middle of a block. */
  get resumedInBlock(): number {
    return Atomics.load(this.#words, RESUMED);
  }

  /** Writes down that a worker goes on in the middle of a block. */
  resumesInBlock(): void {
    Atomics.add(this.#words, RESUMED, 1);
  }

  /**
   * Writes down that a frame is done.
   *
   * @param what Its sequence number in the stimulus, or {@linkcode FOREIGN}.
   * @throws {RangeError} If the journal is full.
   */
  done(what: number): void {
    const { count } = this;
    if (count >= this.capacity) throw new RangeError(`The journal of ${count} frames is full`);
    Atomics.store(this.#journal, count, what);
    Atomics.store(this.#words, COUNT, count + 1);
    Atomics.store(this.#words, IN_HAND, NOTHING);
  }

  /** Writes down which frame is in hand: taken from the kernel, and not done. */
  take(what: number): void {
    Atomics.store(this.#words, IN_HAND, what);
  }

  /** The frame in hand that a dead worker had taken, and had not done; `undefined` if there was none. Afterwards there is none. */
  takeLost(): number | undefined {
    const what = Atomics.exchange(this.#words, IN_HAND, NOTHING);
    return what === NOTHING || what === this.#journal[this.count - 1] ? undefined : what;
  }

  /** Whether a worker has a frame in hand. */
  get isInHand(): boolean {
    return Atomics.load(this.#words, IN_HAND) !== NOTHING;
  }

  /** Makes it that of a worker that has none in hand. */
  reset(): void {
    Atomics.store(this.#words, IN_HAND, NOTHING);
  }

  /** What is done so far: a view. */
  get journal(): Uint32Array<ArrayBuffer> {
    return this.#journal.subarray(0, this.count);
  }

  /** Takes the mapping away. */
  [Symbol.dispose](): void {
    unmap(this.#memory);
  }
}

function sizeFor(capacity: number): number {
  return pages(HEADER + 4 * capacity).length;
}

/**
 * Makes the memory.
 *
 * @returns Its descriptor, to be passed to the worker, and mapped by {@linkcode Progress}.
 * @throws {SystemError} `EMFILE`, `ENOMEM`.
 */
export function createProgress(capacity: number): number {
  const fd = sharedMemory("fdpass-progress", sizeFor(capacity));
  try {
    using progress = new Progress(fd, capacity);
    progress.reset();
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}
