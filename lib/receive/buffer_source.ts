/**
 * The common part of the receive paths that receive into buffers: all but the ring.
 *
 * @module
 */

import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import type { VlanTag } from "../../ffi/packet/vlan_tag.ts";
import { FRAME_ROOM } from "../packets/link_layer.ts";
import { isChecksumPendingIn, segmentSizeIn } from "../packets/offload_header.ts";
import type { FrameSource } from "./frame_source.ts";

/** The most inexpressible frames that one step leaves out. It ends, whatever the kernel answers. */
const MOST_INEXPRESSIBLE = 64;

/**
 * A source that receives into buffers of {@linkcode FRAME_ROOM} bytes, each for one frame and, if
 * the socket has it, the offload header before it.
 */
export abstract class BufferSource implements FrameSource {
  abstract readonly fd: number;
  abstract readonly bytes: Uint8Array<ArrayBuffer>;
  abstract readonly offset: number;
  abstract readonly length: number;
  inexpressible = 0;

  /** @param header The size of the offload header, in bytes; 0 if there is none. */
  constructor(protected readonly header: number) {}

  /** As {@linkcode next}, but throws `EINVAL` in place of a frame that is inexpressible. */
  protected abstract step(): boolean;
  abstract wait(milliseconds: number): void;
  abstract [Symbol.dispose](): void;

  next(): boolean {
    for (let tries = 0; tries < MOST_INEXPRESSIBLE; tries++) {
      try {
        return this.step();
      } catch (error) {
        if (!(error instanceof SystemError) || error.errno !== Errno.EINVAL) throw error;
        if (this.header === 0) throw error;
        this.inexpressible++;
      }
    }
    return false; // the caller waits, and comes again
  }

  get captured(): number {
    return Math.min(this.length, FRAME_ROOM - this.header);
  }

  get vlan(): VlanTag | undefined {
    return undefined;
  }

  get segmentSize(): number {
    return this.header === 0 ? 0 : segmentSizeIn(this.bytes, this.offset - this.header);
  }

  get isChecksumPending(): boolean {
    return this.header > 0 && isChecksumPendingIn(this.bytes, this.offset - this.header);
  }

  timestamp(): bigint | undefined {
    return undefined;
  }
}
