/**
 * TPACKET_V3: no system call but to wait, and no copy but the kernel's into the ring.
 *
 * @module
 */

import { POLLIN } from "../../ffi/abi/constants.ts";
import { SystemError } from "../../ffi/abi/errno.ts";
import {
  PacketRing,
  type PacketRingGeometry,
  setUpPacketRing,
  tearDownPacketRing,
} from "../../ffi/packet/packet_ring.ts";
import { takeSocketError } from "../../ffi/socket/calls.ts";
import { Poller } from "../../ffi/socket/poll.ts";
import type { FrameSource } from "./frame_source.ts";

/** A worker's ring: 16 MiB, room for a hundred thousand small frames, and a part of it waits for 8 ms at most. */
export const WORKER_RING: PacketRingGeometry = {
  blockSize: 1 << 18,
  blockCount: 64,
  retireTimeout: 8,
};

/** Frames of the ring of a packet socket, wherever it was set up. */
export class PacketRingSource extends PacketRing implements FrameSource {
  readonly #poller: Poller;

  constructor(readonly fd: number, geometry = WORKER_RING) {
    super(fd, geometry);
    this.#poller = new Poller([fd], POLLIN);
  }

  /** Without a block to read, an error that is pending is taken: otherwise poll(2) would find it again and again. */
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
   * Sets the ring up, and maps it.
   *
   * @throws {SystemError} If the kernel refuses; the socket, which others may hold, has no ring then: with one, it would bring them no frame.
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

  timestamp(): bigint {
    return BigInt(this.seconds) * 1_000_000_000n + BigInt(this.nanoseconds);
  }
}
