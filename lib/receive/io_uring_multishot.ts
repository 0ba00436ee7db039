/**
 * Receives by io_uring multishot RECV: one submission, and one completion for each frame, in a
 * buffer that the kernel takes from a ring of provided buffers.
 *
 * The operation ends when no buffer is left (ENOBUFS), and is submitted again. Meanwhile frames
 * wait in the socket. The completion queue never fills up, because it has two entries for each
 * buffer. The submission queue has a single entry, which is submitted again as it stands, so even
 * that allocates nothing.
 *
 * @module
 */

import {
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IORING_OP_RECV,
  IORING_RECV_MULTISHOT,
  IOSQE_BUFFER_SELECT,
  IOSQE_FIXED_FILE,
  MSG_TRUNC,
} from "../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import type { IoUring, Submission } from "../../ffi/io_uring/io_uring.ts";
import { ProvidedBuffers } from "../../ffi/io_uring/provided_buffers.ts";
import { FRAME_ROOM } from "../packets/link_layer.ts";
import { offloadHeaderSize } from "../packets/offload_header.ts";
import { BufferSource } from "./buffer_source.ts";
import { BATCH } from "./frame_source.ts";
import { FIXED_SOCKET, restrictedRing } from "./restricted_ring.ts";

/**
 * How many buffers are provided. Two completion entries for each must fit in one page, as Linux
 * before 6.10 requires.
 */
const BUFFERS = 64;
/** The id of the buffer group. */
const GROUP = 1;

const RECEIVE: Submission = {
  opcode: IORING_OP_RECV,
  flags: IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT,
  ioprio: IORING_RECV_MULTISHOT,
  fd: FIXED_SOCKET,
  buf_group: GROUP,
  msg_flags: MSG_TRUNC, // returns the whole length of a frame that is longer than its buffer
};

/** A source of frames by io_uring multishot RECV. */
export class IoUringMultishotSource extends BufferSource {
  readonly #ring: IoUring;
  // Set while the ring is created.
  #buffers!: ProvidedBuffers;
  readonly bytes: Uint8Array<ArrayBuffer>;
  #held = -1;
  #unpublished = 0;
  #isArmed = false;
  #ends = 0;
  length = 0;
  offset = 0;

  /**
   * @param buffers How many buffers are provided: a power of two.
   * @throws {SystemError} If the kernel has no restricted rings or no provided buffers, or refuses
   * them. Nothing stays open.
   */
  constructor(packetFd: number, buffers = BUFFERS) {
    super(offloadHeaderSize(packetFd));
    this.#ring = restrictedRing(packetFd, { entries: 1, completions: 2 * buffers }, (ring) => {
      this.#buffers = new ProvidedBuffers(ring, { group: GROUP, count: buffers, size: FRAME_ROOM });
    });
    this.bytes = this.#buffers.bytes;
    try {
      this.#ring.submit(RECEIVE);
      this.#arm();
    } catch (error) {
      this.#ring.close();
      throw error;
    }
  }

  get fd(): number {
    return this.#ring.fd;
  }

  /** How often the operation has ended and been submitted again. */
  get ends(): number {
    return this.#ends;
  }

  #arm(): void {
    this.#ring.enter();
    this.#isArmed = true;
  }

  /**
   * Gives the current buffer back. Buffers are published in batches too, because the completion
   * queue may never be empty under load.
   */
  #giveBack(): void {
    this.#buffers.giveBack(this.#held);
    this.#held = -1;
    if (++this.#unpublished === BATCH) this.#publish();
  }

  #publish(): void {
    this.#buffers.publish();
    this.#unpublished = 0;
  }

  protected step(): boolean {
    const ring = this.#ring;
    if (this.#held !== -1) this.#giveBack();
    for (;;) {
      if (!ring.nextCompletion()) {
        this.#publish();
        if (this.#isArmed) return false;
        this.#ends++;
        ring.submitAgain(1);
        this.#arm();
        continue;
      }
      const { result, flags } = ring;
      if ((flags & IORING_CQE_F_MORE) === 0) this.#isArmed = false;
      if (result === -Errno.ENOBUFS) continue;
      if (result < 0) throw new SystemError("IORING_OP_RECV", -result);
      if ((flags & IORING_CQE_F_BUFFER) === 0) continue;
      this.#held = ProvidedBuffers.idOf(flags);
      this.length = result - this.header;
      this.offset = this.#buffers.offsetOf(this.#held) + this.header;
      return true;
    }
  }

  wait(milliseconds: number): void {
    this.#ring.enter(1, milliseconds);
  }

  [Symbol.dispose](): void {
    this.#ring.close();
  }
}
