/**
 * Receives by a TPACKET_V3 ring: the only system call is the wait, and the only copy is the
 * kernel's into the ring.
 *
 * @module
 */

import { POLLIN, TP_STATUS_CSUMNOTREADY } from "../../ffi/abi/constants.ts";
import { SystemError } from "../../ffi/abi/errno.ts";
import {
  PacketRing,
  type PacketRingGeometry,
  setUpPacketRing,
  tearDownPacketRing,
} from "../../ffi/packet/packet_ring.ts";
import { takeSocketError } from "../../ffi/socket/calls.ts";
import { Poller } from "../../ffi/socket/poll.ts";
import { offloadHeaderSize, segmentSizeIn } from "../packets/offload_header.ts";
import type { FrameSource } from "./frame_source.ts";

/**
 * The geometry of a worker's ring: 16 MiB, which holds some hundred thousand small frames. A block
 * that is not full is handed over after 8 ms.
 */
export const WORKER_RING: PacketRingGeometry = {
  blockSize: 1 << 18,
  blockCount: 64,
  retireTimeout: 8,
};

/** A source of frames by the ring of a packet socket, whichever process set it up. */
export class PacketRingSource extends PacketRing implements FrameSource {
  readonly #poller: Poller;
  readonly #header: number;
  readonly inexpressible = 0;

  constructor(readonly fd: number, geometry = WORKER_RING) {
    super(fd, geometry);
    this.#header = offloadHeaderSize(fd);
    this.#poller = new Poller([fd], POLLIN);
  }

  /**
   * Steps to the next frame. If no block is ready, takes the socket's pending error, which poll(2)
   * would otherwise report again and again.
   */
  override next(): boolean {
    if (super.next()) return true;
    const errno = takeSocketError(this.fd);
    if (errno !== 0) throw new SystemError("poll", errno, "Cannot receive from the packet ring");
    return false;
  }

  wait(milliseconds: number): void {
    this.#poller.wait(milliseconds);
  }

  /**
   * Sets the ring up and maps it.
   *
   * @throws {SystemError} If the kernel refuses. The socket then has no ring: with one, its other
   * holders would receive no frame.
   */
  static setUp(packetFd: number, geometry = WORKER_RING): PacketRingSource {
    setUpPacketRing(packetFd, geometry);
    try {
      return new PacketRingSource(packetFd, geometry);
    } catch (error) {
      tearDownPacketRing(packetFd);
      throw error;
    }
  }

  get segmentSize(): number {
    return this.#header === 0 ? 0 : segmentSizeIn(this.bytes, this.offset - this.#header);
  }

  get isChecksumPending(): boolean {
    return (this.status & TP_STATUS_CSUMNOTREADY) !== 0;
  }

  timestamp(): bigint {
    return BigInt(this.seconds) * 1_000_000_000n + BigInt(this.nanoseconds);
  }
}
