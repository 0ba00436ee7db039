/**
 * A ring of provided buffers, from which io_uring(7) takes one for each message that it receives
 * (`IOSQE_BUFFER_SELECT`, Linux 5.19).
 *
 * @module
 */

import { IORING_CQE_BUFFER_SHIFT, IORING_REGISTER_PBUF_RING } from "../abi/constants.ts";
import type { IoUring } from "./io_uring.ts";
import { io_uring_buf, io_uring_buf_reg, io_uring_buf_ring } from "../abi/layouts.ts";
import { pages } from "../abi/memory.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";
import { addressOf } from "../abi/struct.ts";

/** The options of {@linkcode ProvidedBuffers}. */
export interface ProvidedBuffersOptions {
  /** The id of the buffer group, which a submission names in `buf_group`. */
  readonly group: number;
  /** The number of buffers: a power of two, at most 32768. */
  readonly count: number;
  /** The size of each, in bytes. */
  readonly size: number;
}

/**
 * Buffers that the kernel fills. The kernel owns each buffer until it has filled it, and owns it
 * again after {@linkcode giveBack}.
 */
export class ProvidedBuffers {
  /**
   * All buffers, one after another. SAFETY: the {@linkcode IoUring} holds them until it is closed.
   */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #size: number;
  readonly #mask: number;
  readonly #ring: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #halves: Uint16Array<ArrayBuffer>;
  // The address of each buffer in two halves, because a bigint for each would have to be allocated.
  readonly #low: Uint32Array<ArrayBuffer>;
  readonly #high: Uint32Array<ArrayBuffer>;
  #tail = 0;

  /**
   * Registers the ring and gives the kernel all buffers: io_uring_register(2),
   * `IORING_REGISTER_PBUF_RING`.
   *
   * @throws {SystemError} `EINVAL` (before Linux 5.19, or `count` is not a power of two), `EEXIST`
   * (the group is in use).
   */
  constructor(ring: IoUring, { group, count, size }: ProvidedBuffersOptions) {
    this.bytes = pages(count * size);
    this.#size = size;
    this.#mask = count - 1;
    this.#ring = pages(count * io_uring_buf.size);
    this.#words = new Uint32Array(this.#ring.buffer, this.#ring.byteOffset, count * 4);
    this.#halves = new Uint16Array(this.#ring.buffer, this.#ring.byteOffset, count * 8);
    const start = addressOf(this.bytes);
    const addresses = BigUint64Array.from({ length: count }, (_, i) => start + BigInt(i * size));
    // The lower half is first on both architectures.
    const parts = new Uint32Array(addresses.buffer);
    this.#low = parts.filter((_, i) => i % 2 === 0);
    this.#high = parts.filter((_, i) => i % 2 === 1);

    const registration = io_uring_buf_reg.alloc();
    registration.ring_addr = addressOf(this.#ring);
    registration.ring_entries = count;
    registration.bgid = group;
    ring.hold(this.bytes, this.#ring);
    rawSyscall("io_uring_register", ring.fd, IORING_REGISTER_PBUF_RING, registration.bytes, 1);
    for (let id = 0; id < count; id++) this.giveBack(id);
    this.publish();
  }

  /**
   * The id of the buffer that a completion used. The completion must have `IORING_CQE_F_BUFFER`.
   */
  static idOf(flags: number): number {
    return flags >>> IORING_CQE_BUFFER_SHIFT;
  }

  /** The offset of a buffer in {@linkcode bytes}. */
  offsetOf(id: number): number {
    return id * this.#size;
  }

  /** Gives a buffer back to the kernel, which sees it after {@linkcode publish}. */
  giveBack(id: number): void {
    const place = this.#tail++ & this.#mask;
    this.#words[place * 4] = this.#low[id];
    this.#words[place * 4 + 1] = this.#high[id];
    this.#words[place * 4 + 2] = this.#size;
    this.#halves[place * 8 + 6] = id; // the half word after it is the tail, in the first entry
  }

  /** Publishes the buffers that were given back. */
  publish(): void {
    // A release: the kernel reads the entries once it sees the tail.
    Atomics.store(this.#halves, TAIL, this.#tail);
  }
}

/** The offset of the tail in half words. */
const TAIL = io_uring_buf_ring.fields.tail[0] / 2;
