/**
 * Receives by io_uring RECV: a chain of {@linkcode BATCH} submissions, one frame each.
 *
 * The submissions are linked (IOSQE_IO_LINK): each begins when the previous one has its frame.
 * Unlinked submissions are woken in no documented order, so frames could come out of order. The
 * chain is submitted again when all of it is complete.
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
import { FRAME_ROOM } from "../packets/link_layer.ts";
import { offloadHeaderSize } from "../packets/offload_header.ts";
import { BufferSource } from "./buffer_source.ts";
import { BATCH } from "./frame_source.ts";
import { FIXED_SOCKET, restrictedRing } from "./restricted_ring.ts";

/** A source of frames by io_uring RECV. */
export class IoUringSource extends BufferSource {
  // SAFETY: the submissions point to this memory; the ring holds it until they are cancelled.
  readonly bytes = new Uint8Array(BATCH * FRAME_ROOM);
  readonly #ring: IoUring;
  #underWay = BATCH;
  length = 0;
  offset = 0;

  /**
   * @throws {SystemError} If the kernel has no restricted rings, or refuses one. Nothing stays
   * open.
   */
  constructor(packetFd: number) {
    super(offloadHeaderSize(packetFd));
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

  protected step(): boolean {
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
      if (ring.result === -Errno.ECANCELED) continue; // an earlier link of the chain failed
      if (ring.result < 0) throw new SystemError("IORING_OP_RECV", -ring.result);
      this.length = ring.result - this.header;
      this.offset = ring.userData * FRAME_ROOM + this.header;
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
