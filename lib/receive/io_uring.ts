/**
 * io_uring RECV: a chain of {@linkcode BATCH} submissions, one frame each.
 *
 * They are linked (IOSQE_IO_LINK): each begins when the one before has its frame. Without that, those that wait are woken in no order that
 * is written anywhere, and so the frames would be. The chain is submitted anew when all of it is done.
 *
 * @module
 */

import {
  IORING_OP_RECV,
  IOSQE_FIXED_FILE,
  IOSQE_IO_LINK,
  MSG_TRUNC,
} from "../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { addressOf } from "../../ffi/abi/struct.ts";
import type { IoUring } from "../../ffi/io_uring/io_uring.ts";
import { BATCH, FRAME_ROOM, type FrameSource } from "./frame_source.ts";
import { FIXED_SOCKET, restrictedRing } from "./restricted_ring.ts";

/** Frames by io_uring RECV. */
export class IoUringSource implements FrameSource {
  // SAFETY: the submissions point here; the ring holds it until they are cancelled.
  readonly bytes = new Uint8Array(BATCH * FRAME_ROOM);
  readonly #ring: IoUring;
  #underWay = BATCH;
  length = 0;
  offset = 0;

  /** @throws {SystemError} If the kernel has no such ring, or refuses one; nothing is left open then. */
  constructor(packetFd: number) {
    this.#ring = restrictedRing(packetFd, { entries: BATCH, completions: BATCH });
    this.#ring.hold(this.bytes);
    const start = addressOf(this.bytes);
    for (let i = 0; i < BATCH; i++) {
      this.#ring.submit({
        opcode: IORING_OP_RECV,
        flags: i === BATCH - 1 ? IOSQE_FIXED_FILE : IOSQE_FIXED_FILE | IOSQE_IO_LINK,
        fd: FIXED_SOCKET,
        addr: start + BigInt(i * FRAME_ROOM),
        len: FRAME_ROOM,
        msg_flags: MSG_TRUNC,
        user_data: BigInt(i),
      });
    }
    try {
      this.#ring.enter();
    } catch (error) {
      this.#ring.close();
      throw error;
    }
  }

  get fd(): number {
    return this.#ring.fd;
  }

  next(): boolean {
    const ring = this.#ring;
    for (;;) {
      if (!ring.nextCompletion()) {
        if (this.#underWay > 0) return false;
        ring.submitAgain(BATCH);
        this.#underWay = BATCH;
        ring.enter();
        continue;
      }
      this.#underWay--;
      if (ring.result === -Errno.ECANCELED) continue; // the chain broke before it
      if (ring.result < 0) throw new SystemError("IORING_OP_RECV", -ring.result);
      this.length = ring.result;
      this.offset = ring.userData * FRAME_ROOM;
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
