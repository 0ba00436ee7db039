/**
 * io_uring multishot RECV: one submission, and a completion for each frame, in a buffer that the kernel takes from a ring of provided ones.
 *
 * It ends when no buffer is left (ENOBUFS); then it is submitted anew. Frames wait in the socket until then. The queue of completions is never
 * full: it has two places for each buffer. The queue of submissions has one, which is submitted as it stands there: an end makes no garbage either.
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
import { BATCH, FRAME_ROOM, type FrameSource } from "./frame_source.ts";
import { FIXED_SOCKET, restrictedRing } from "./restricted_ring.ts";

/** The most for which there are places in a queue of one page, as it must be before Linux 6.10. */
const BUFFERS = 64;
const GROUP = 1;

const RECEIVE: Submission = {
  opcode: IORING_OP_RECV,
  flags: IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT,
  ioprio: IORING_RECV_MULTISHOT,
  fd: FIXED_SOCKET,
  buf_group: GROUP,
  msg_flags: MSG_TRUNC, // the length that it had, where the buffer has no room for all of it
};

/** Frames by io_uring multishot RECV. */
export class IoUringMultishotSource implements FrameSource {
  readonly #ring: IoUring;
  // Set while the ring is made.
  #buffers!: ProvidedBuffers;
  readonly bytes: Uint8Array<ArrayBuffer>;
  #held = -1;
  #unpublished = 0;
  #isArmed = false;
  #ends = 0;
  length = 0;
  offset = 0;

  /**
   * @param buffers How many there are: a power of two.
   * @throws {SystemError} If the kernel has no such ring, or refuses one; nothing is left open then.
   */
  constructor(packetFd: number, buffers = BUFFERS) {
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

  /** How often it has ended and been submitted anew. */
  get ends(): number {
    return this.#ends;
  }

  #arm(): void {
    this.#ring.enter();
    this.#isArmed = true;
  }

  /** Under load the queue is never empty, so buffers go back by the batch. */
  #giveBack(): void {
    this.#buffers.giveBack(this.#held);
    this.#held = -1;
    if (++this.#unpublished === BATCH) this.#publish();
  }

  #publish(): void {
    this.#buffers.publish();
    this.#unpublished = 0;
  }

  next(): boolean {
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
      this.length = result;
      this.offset = this.#buffers.offsetOf(this.#held);
      return true;
    }
  }

  wait(milliseconds: number): void {
    this.#ring.enter(1, milliseconds);
  }

  get captured(): number {
    return Math.min(this.length, FRAME_ROOM);
  }

  timestamp(): undefined {}

  [Symbol.dispose](): void {
    this.#ring.close();
  }
}
