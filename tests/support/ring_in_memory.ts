/**
 * A packet ring without a kernel: memory that a `PacketRing` maps, and blocks that are filled as
 * the kernel would.
 *
 * @module
 */

import {
  MAP_SHARED,
  mapOver,
  OwnedFd,
  type PacketRingGeometry,
  pages,
  sharedMemory,
  TP_STATUS_KERNEL,
  TP_STATUS_USER,
  tpacket3_hdr,
  tpacket_block_desc,
  unmap,
} from "../../ffi/mod.ts";

const HEAD = tpacket_block_desc.size, FRAME_HEAD = tpacket3_hdr.size;

/** The memory of a ring, and the kernel's side of it. */
export class RingInMemory implements Disposable {
  /** The file that `PacketRing` maps. */
  readonly memory: OwnedFd;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #sequence = 1;

  constructor(readonly geometry: PacketRingGeometry) {
    const size = geometry.blockSize * geometry.blockCount;
    this.memory = new OwnedFd(sharedMemory("ring", size));
    this.#bytes = pages(size);
    mapOver(this.#bytes, MAP_SHARED, this.memory.fd);
  }

  #status(block: number): Uint32Array<ArrayBuffer> {
    const { buffer, byteOffset } = this.#bytes;
    const at = byteOffset + block * this.geometry.blockSize +
      tpacket_block_desc.fields.block_status[0];
    return new Uint32Array(buffer, at, 1);
  }

  /**
   * Passes the next block to the reader, with these frames. Returns false if the reader has not
   * released it: the ring is full.
   */
  fill(frames: readonly Uint8Array[]): boolean {
    const { blockSize, blockCount } = this.geometry;
    const block = (this.#sequence - 1) % blockCount;
    const status = this.#status(block);
    if (status[0] !== TP_STATUS_KERNEL) return false;
    let at = block * blockSize;
    Object.assign(tpacket_block_desc.over(this.#bytes, at), {
      num_pkts: frames.length,
      offset_to_first_pkt: HEAD,
      seq_num: BigInt(this.#sequence++),
    });
    at += HEAD;
    for (const frame of frames) {
      const whole = Math.ceil((FRAME_HEAD + frame.length) / 8) * 8;
      Object.assign(tpacket3_hdr.over(this.#bytes, at), {
        tp_next_offset: whole,
        tp_snaplen: frame.length,
        tp_len: frame.length,
        tp_mac: FRAME_HEAD,
      });
      this.#bytes.set(frame, at + FRAME_HEAD);
      at += whole;
    }
    Atomics.store(status, 0, TP_STATUS_USER);
    return true;
  }

  [Symbol.dispose](): void {
    unmap(this.#bytes);
    this.memory.close();
  }
}
