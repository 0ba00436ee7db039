/**
 * A worker's progress, in memory that outlives the worker, so that its successor goes on with the
 * very next frame.
 *
 * Theory of operation. A worker may be killed between any two instructions. A frame is done once
 * `count` includes it. `count`, and the number of `entries` in the journal, change by a single
 * store of 64 bits:
 *
 *     entering a block     base = count; then sequence = the block's number
 *     each frame           journal[entries] = the frame's number;
 *                          then count = count + 1, entries = entries + 1
 *     one of others        count = count + 1
 *     end of the block     the block goes back to the kernel (the ring's status word)
 *
 * Killed before that store: the frame is not done. The successor reads it again and writes the same
 * entry of the journal again. Killed after it: the frame is done. So each frame of the stimulus is
 * in the journal exactly once. Frames of others have no entry, because there may be any number of
 * them. That holds for work whose effect is in this memory. Work with an
 * effect outside (a datagram that is sent) comes before the store, and a kill in between repeats
 * it: at least once.
 *
 * Killed between the two stores of a new block: the previous block is the kernel's already, so
 * `base` is not used.
 *
 * The socket queue has no such memory: recvfrom(2) takes the frame from the kernel before anything
 * can be noted. `inHand` is the frame that was lost in this way, if the worker lived to note it.
 *
 * All stores are those of Atomics, which are also ordered: the supervisor reads while the worker
 * writes.
 *
 * @module
 */

import { MAP_SHARED } from "../../../ffi/abi/constants.ts";
import { mapOver, pages, sharedMemory, unmap } from "../../../ffi/abi/memory.ts";
import { close } from "../../../ffi/process/descriptor.ts";

/** The number of a frame that is not of the stimulus. */
export const FOREIGN = 0xffffffff;

/** The value of `inHand` when the worker holds no frame. */
const NOTHING = 0xfffffffe;

// Indices of the words in the first page. The journal begins on the second. COUNT and ENTRIES are
// the lower and the upper half of 64 bits that are stored at once.
const COUNT = 0, ENTRIES = 1, SEQUENCE = 2, BASE = 3, IN_HAND = 4, RESUMED = 5;
const HEADER = 4096;

/** The memory of a worker's progress, mapped into this process. */
export class Progress implements Disposable {
  readonly #memory: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array<ArrayBuffer>;
  /** The words COUNT and ENTRIES as one number. */
  readonly #counts: BigUint64Array<ArrayBuffer>;
  readonly #journal: Uint32Array<ArrayBuffer>;

  /**
   * Maps the memory.
   *
   * @param fd The descriptor that {@linkcode createProgress} returned.
   * @param capacity How many frames the journal holds.
   * @throws {SystemError} If the memory cannot be mapped.
   */
  constructor(fd: number, readonly capacity: number) {
    this.#memory = pages(sizeFor(capacity));
    mapOver(this.#memory, MAP_SHARED, fd);
    const { buffer, byteOffset } = this.#memory;
    this.#words = new Uint32Array(buffer, byteOffset, HEADER / 4);
    this.#counts = new BigUint64Array(buffer, byteOffset, 1);
    this.#journal = new Uint32Array(buffer, byteOffset + HEADER, capacity);
  }

  /** How many frames are done, those of others included. */
  get count(): number {
    return Atomics.load(this.#words, COUNT);
  }

  /** How many frames of the stimulus are done. */
  get entries(): number {
    return Atomics.load(this.#words, ENTRIES);
  }

  /** The number of the block that was entered last; 0 if none was. */
  get sequence(): number {
    return Atomics.load(this.#words, SEQUENCE);
  }

  /** How many frames of that block are done. */
  get doneInBlock(): number {
    return this.count - Atomics.load(this.#words, BASE);
  }

  /** Notes that the worker enters a block. */
  enter(sequence: number): void {
    Atomics.store(this.#words, BASE, this.count);
    Atomics.store(this.#words, SEQUENCE, sequence);
  }

  /** How many workers have resumed in the middle of a block. */
  get resumedInBlock(): number {
    return Atomics.load(this.#words, RESUMED);
  }

  /** Notes that a worker resumes in the middle of a block. */
  noteResume(): void {
    Atomics.add(this.#words, RESUMED, 1);
  }

  /**
   * Notes that a frame is done.
   *
   * @param frame Its sequence number in the stimulus, or {@linkcode FOREIGN}.
   * @throws {RangeError} If the journal is full.
   */
  done(frame: number): void {
    const { count, entries } = this;
    if (frame === FOREIGN) {
      Atomics.store(this.#words, COUNT, count + 1);
    } else {
      if (entries >= this.capacity) {
        throw new RangeError(`The journal of ${entries} frames is full`);
      }
      Atomics.store(this.#journal, entries, frame);
      Atomics.store(this.#counts, 0, BigInt(entries + 1) << 32n | BigInt(count + 1 >>> 0));
    }
    Atomics.store(this.#words, IN_HAND, NOTHING);
  }

  /** Notes that the worker holds a frame: it is taken from the kernel and not done yet. */
  take(frame: number): void {
    Atomics.store(this.#words, IN_HAND, frame);
  }

  /**
   * Returns the frame of the stimulus that a dead worker held and had not done, or `undefined`, and
   * notes that no frame is held.
   */
  takeLost(): number | undefined {
    const frame = Atomics.exchange(this.#words, IN_HAND, NOTHING);
    if (frame === NOTHING || frame === FOREIGN) return undefined;
    return frame === this.#journal[this.entries - 1] ? undefined : frame;
  }

  /** Whether the worker holds a frame of the stimulus. */
  get isInHand(): boolean {
    const frame = Atomics.load(this.#words, IN_HAND);
    return frame !== NOTHING && frame !== FOREIGN;
  }

  /** Notes that no frame is held, for memory that is new. */
  reset(): void {
    Atomics.store(this.#words, IN_HAND, NOTHING);
  }

  /** The frames of the stimulus that are done so far, as a view of the memory. */
  get journal(): Uint32Array<ArrayBuffer> {
    return this.#journal.subarray(0, this.entries);
  }

  /** Unmaps the memory. */
  [Symbol.dispose](): void {
    unmap(this.#memory);
  }
}

function sizeFor(capacity: number): number {
  return pages(HEADER + 4 * capacity).length;
}

/**
 * Creates the memory for a journal of `capacity` frames. Its size is sealed.
 *
 * @returns A descriptor to pass to the worker and to map with {@linkcode Progress}.
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
