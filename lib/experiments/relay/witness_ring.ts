/**
 * The receive ring of a witness: every frame whole, in order, with what the kernel says of it, and
 * the number of frames for which there was no room.
 *
 * @module
 */

import { ETH_P_ALL } from "../../../ffi/abi/constants.ts";
import { attachFilter } from "../../../ffi/packet/bpf.ts";
import type { PacketRingGeometry } from "../../../ffi/packet/packet_ring.ts";
import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { sleep } from "../../../ffi/socket/poll.ts";
import { enableOffloadHeader } from "../../packets/offload_header.ts";
import type { Interface } from "../../packets/link_layer.ts";
import { bindPacketSocket, openPacketSocket, takeStatistics } from "../../packets/socket.ts";
import { PacketRingSource } from "../../receive/tpacket_v3.ts";

/**
 * 8 MiB: several times what an exchange has under way. A frame of 64 KiB fits into a block.
 *
 * A block is handed over when its time is up, however few frames it holds: while frames trickle in,
 * the witness must look within 64 of these times.
 */
const GEOMETRY: PacketRingGeometry = { blockSize: 1 << 17, blockCount: 64, retireTimeout: 20 };

/** The most frames that one look takes, so that a flooded interface does not hold up the run. */
const FRAMES_PER_LOOK = 20_000;

/** The longest wait for the last frames, in milliseconds. */
const SETTLING = 500;

/** A packet socket with a ring, bound to an interface. */
export class WitnessRing implements Disposable {
  readonly #socket: OwnedFd;
  readonly #ring: PacketRingSource;
  #arrived = 0;
  #taken = 0;
  #lost = 0;

  /**
   * @param filter The program of a socket filter; without it, the witness sees every frame.
   * @param ready Changes the socket before it is bound: from then on it receives.
   * @throws {SystemError} If the packet socket cannot be opened or bound there.
   */
  constructor(
    { ifindex }: Pick<Interface, "ifindex">,
    filter?: Uint8Array<ArrayBuffer>,
    ready: (fd: number) => void = () => {},
  ) {
    this.#socket = new OwnedFd(openPacketSocket());
    try {
      enableOffloadHeader(this.#socket.fd);
      ready(this.#socket.fd);
      if (filter !== undefined) attachFilter(this.#socket.fd, filter);
      this.#ring = PacketRingSource.setUp(this.#socket.fd, GEOMETRY);
      bindPacketSocket(this.#socket.fd, ifindex, ETH_P_ALL);
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  /** The packet socket: readable when {@linkcode look} would see something. */
  get fd(): number {
    return this.#socket.fd;
  }

  /** How many frames were dropped for lack of room. */
  get lost(): number {
    this.#count();
    return this.#lost;
  }

  /** Passes each frame that has arrived to `see`; the frame is valid until `see` returns. */
  look(see: (frame: Uint8Array<ArrayBuffer>, ring: PacketRingSource) => void): void {
    const ring = this.#ring;
    for (let left = FRAMES_PER_LOOK; left > 0 && ring.next(); left--) {
      this.#taken++;
      see(ring.bytes.subarray(ring.offset, ring.offset + ring.captured), ring);
    }
  }

  /**
   * Looks until it has seen every frame that has arrived by now: the kernel may still hold some in
   * a block that is not full.
   */
  settle(see: (frame: Uint8Array<ArrayBuffer>, ring: PacketRingSource) => void): void {
    this.#count();
    const expected = this.#arrived - this.#lost;
    for (const deadline = performance.now() + SETTLING;;) {
      this.look(see);
      if (this.#taken >= expected || performance.now() >= deadline) return;
      sleep(1);
    }
  }

  /** Reading the counters resets them. */
  #count(): void {
    const { packets, drops } = takeStatistics(this.#socket.fd);
    this.#arrived += packets;
    this.#lost += drops;
  }

  /** Releases the ring, and closes the socket. */
  [Symbol.dispose](): void {
    this.#ring[Symbol.dispose]();
    this.#socket.close();
  }
}
