/**
 * TPACKET_V3: a ring of blocks that the kernel fills with the frames of a packet socket, read in
 * place.
 *
 * The ring belongs to the socket. Any holder of the socket can map it, not only the process that
 * set it up. A block is the kernel's until its `block_status` has TP_STATUS_USER: then it is full,
 * or its timeout has passed. It becomes the kernel's again when the status is reset. The status is
 * the only word that both sides write:
 *
 *     kernel    fills the block, writes num_pkts, …; then the status (a release)
 *     we        load the status (an acquire); read the frames; store TP_STATUS_KERNEL (a release)
 *
 * `Atomics.load` and `Atomics.store` are at least that strong. Without the acquire, frames could be
 * read before they are written; without the release, they could be overwritten while they are read.
 * Source: Documentation/networking/packet_mmap.rst; net/packet/af_packet.c.
 *
 * Walking allocates nothing: the ring is its own cursor.
 *
 * @module
 */

import {
  ETH_P_8021Q,
  MAP_SHARED,
  PACKET_RX_RING,
  PACKET_VERSION,
  SOL_PACKET,
  TP_STATUS_KERNEL,
  TP_STATUS_USER,
  TP_STATUS_VLAN_TPID_VALID,
  TP_STATUS_VLAN_VALID,
  TPACKET_V3,
} from "../abi/constants.ts";
import { attempt } from "../abi/errno.ts";
import { tpacket3_hdr, tpacket_block_desc, tpacket_req3 } from "../abi/layouts.ts";
import { mapOver, pages, pageSize, unmap } from "../abi/memory.ts";
import { setsockopt } from "../socket/calls.ts";
import type { VlanTag } from "./vlan_tag.ts";

/** The geometry of a ring. */
export interface PacketRingGeometry {
  /**
   * The size of a block in bytes, a multiple of the page size. A frame that does not fit into a
   * block is truncated.
   */
  readonly blockSize: number;
  /** The number of blocks. */
  readonly blockCount: number;
  /** The time after which a block that is not full is handed over, in milliseconds. */
  readonly retireTimeout: number;
}

/** The largest size of a ring, in bytes: the kernel keeps it in an unsigned int. */
const SIZE_LIMIT = 0xffffffff;

/** The kernel requires a frame size, though frames of TPACKET_V3 have any length. */
const FRAME_SIZE = 2048;

/**
 * Checks that the kernel can accept a ring of this geometry.
 *
 * @throws {RangeError} If it cannot; the message says why.
 */
export function requireGeometry(
  { blockSize, blockCount, retireTimeout }: PacketRingGeometry,
): void {
  const page = pageSize();
  if (!Number.isInteger(blockSize) || blockSize < page || blockSize % page !== 0) {
    throw new RangeError(
      `A block of ${blockSize} bytes: it must be a multiple of the page size, ${page}`,
    );
  }
  if (!Number.isInteger(blockCount) || blockCount < 1) {
    throw new RangeError(`${blockCount} blocks: there must be at least 1`);
  }
  if (blockSize * blockCount > SIZE_LIMIT) {
    throw new RangeError(
      `${blockCount} blocks of ${blockSize} bytes: a ring has at most ${SIZE_LIMIT} bytes`,
    );
  }
  if (!Number.isInteger(retireTimeout) || retireTimeout < 1 || retireTimeout > 0x7fffffff) {
    throw new RangeError(`A retire timeout of ${retireTimeout} ms: it must be 1 to 2147483647`);
  }
}

/**
 * Sets up a ring on a packet socket: setsockopt(2), `PACKET_VERSION` and `PACKET_RX_RING`. From
 * then on frames go into the ring, and no longer to recvfrom(2).
 *
 * @throws {RangeError} As {@linkcode requireGeometry}.
 * @throws {SystemError} `ENOMEM` (the ring is too large), `EBUSY` (there is one), `EPERM` (a filter
 * of system calls).
 */
export function setUpPacketRing(packetFd: number, geometry: PacketRingGeometry): void {
  requireGeometry(geometry);
  const { blockSize, blockCount, retireTimeout } = geometry;
  const request = tpacket_req3.alloc();
  request.tp_block_size = blockSize;
  request.tp_block_nr = blockCount;
  request.tp_frame_size = FRAME_SIZE;
  request.tp_frame_nr = Math.floor(blockSize / FRAME_SIZE) * blockCount;
  request.tp_retire_blk_tov = retireTimeout;
  attempt(`Cannot set up a packet ring of ${blockCount} blocks of ${blockSize} bytes`, () => {
    setsockopt(packetFd, SOL_PACKET, PACKET_VERSION, TPACKET_V3);
    setsockopt(packetFd, SOL_PACKET, PACKET_RX_RING, request.bytes);
  });
}

/**
 * Removes the ring of a packet socket, which no process may have mapped: setsockopt(2),
 * `PACKET_RX_RING`.
 *
 * @throws {SystemError} `EBUSY` if it is mapped.
 */
export function tearDownPacketRing(packetFd: number): void {
  setsockopt(packetFd, SOL_PACKET, PACKET_RX_RING, tpacket_req3.alloc().bytes);
}

/**
 * The ring of a packet socket, mapped into this process, and a cursor over its frames. The cursor
 * starts at the oldest block that no reader has given back; {@linkcode PacketRing.resume} moves it
 * to where another reader stopped.
 *
 * @example
 * ```ts ignore
 * import { PacketRing, poll, POLLIN, setUpPacketRing } from "../mod.ts";
 *
 * const geometry = { blockSize: 1 << 18, blockCount: 16, retireTimeout: 8 };
 * setUpPacketRing(packetFd, geometry);
 * using ring = new PacketRing(packetFd, geometry);
 * while (poll([packetFd], POLLIN, 1000)[0] & POLLIN) {
 *   while (ring.next()) console.log(ring.length, ring.bytes[ring.offset]);
 * }
 * ```
 */
export class PacketRing implements Disposable {
  /** The whole ring; {@linkcode offset} is an index into it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #halves: Uint16Array<ArrayBuffer>;
  readonly #blockSize: number;
  #isOpen = true;
  // Indices in 32-bit words.
  #block = 0;
  #frame = 0;
  #following = 0;
  /** The frames left in the block. */
  #left = 0;
  #holdsBlock = false;

  /**
   * Maps the ring: mmap(2).
   *
   * @param geometry The geometry with which the ring was set up.
   * @throws {RangeError} As {@linkcode requireGeometry}.
   * @throws {SystemError} `EINVAL` if the ring has another size, or there is none.
   */
  constructor(packetFd: number, geometry: PacketRingGeometry) {
    requireGeometry(geometry);
    const { blockSize, blockCount } = geometry;
    this.bytes = pages(blockSize * blockCount);
    attempt("Cannot map the packet ring", () => mapOver(this.bytes, MAP_SHARED, packetFd));
    const { buffer, byteOffset, byteLength } = this.bytes;
    this.#words = new Uint32Array(buffer, byteOffset, byteLength / 4);
    this.#halves = new Uint16Array(buffer, byteOffset, byteLength / 2);
    this.#blockSize = blockSize / 4;
    this.#block = this.#oldestBlock();
  }

  /**
   * The oldest block that is handed over; if there is none, the newest, which the kernel is
   * filling.
   */
  #oldestBlock(): number {
    let oldest = -1, newest = 0;
    for (let start = 0; start < this.#words.length; start += this.#blockSize) {
      const status = Atomics.load(this.#words, start + BLOCK_STATUS);
      const number = this.#words[start + SEQ_NUM];
      if (number > this.#words[newest + SEQ_NUM]) newest = start;
      if ((status & TP_STATUS_USER) === 0) continue;
      if (oldest === -1 || number < this.#words[oldest + SEQ_NUM]) oldest = start;
    }
    return oldest === -1 ? newest : oldest;
  }

  /**
   * Moves to the next frame. A block is given back when its last frame is left.
   *
   * @returns false if no block is handed over; poll(2) reports when one is.
   */
  next(): boolean {
    while (this.#left === 0) {
      if (this.#holdsBlock) this.#release();
      if (!this.#acquire()) return false;
    }
    this.#left--;
    this.#frame = this.#following;
    this.#following += this.#words[this.#frame + NEXT_OFFSET] >>> 2;
    return true;
  }

  /**
   * The sequence number of the current block, which the kernel counts from 1; its lower 32 bits.
   */
  get sequence(): number {
    return this.#words[this.#block + SEQ_NUM];
  }

  /**
   * Continues where another reader of the same ring stopped, even within a block. Blocks follow
   * each other in the ring by their numbers, so a number determines the place.
   *
   * @param sequence The block that the reader was in, or had last given back; 0 if it had begun
   * none.
   * @param done How many frames of that block it had finished.
   * @returns How many frames of that block are left; 0 if it had been given back.
   */
  resume(sequence: number, done: number): number {
    const count = this.#words.length / this.#blockSize;
    const place = (number: number) => (number - 1 + count) % count * this.#blockSize;
    this.#left = 0;
    this.#holdsBlock = false;
    this.#block = place(sequence);
    const isKept = sequence !== 0 &&
      (Atomics.load(this.#words, this.#block + BLOCK_STATUS) & TP_STATUS_USER) !== 0 &&
      this.sequence === sequence;
    if (!isKept) {
      this.#block = place(sequence + 1);
      return 0;
    }
    this.#acquire();
    for (let i = 0; i < done && this.#left > 0; i++) this.next();
    return this.#left;
  }

  /** The number of frames in all blocks that are handed over, wherever the cursor is. */
  get waiting(): number {
    let frames = 0;
    for (let start = 0; start < this.#words.length; start += this.#blockSize) {
      const status = Atomics.load(this.#words, start + BLOCK_STATUS);
      if ((status & TP_STATUS_USER) !== 0) frames += this.#words[start + NUM_PKTS];
    }
    return frames;
  }

  #acquire(): boolean {
    const words = this.#words;
    if ((Atomics.load(words, this.#block + BLOCK_STATUS) & TP_STATUS_USER) === 0) return false;
    this.#holdsBlock = true;
    this.#left = words[this.#block + NUM_PKTS];
    this.#following = this.#block + (words[this.#block + OFFSET_TO_FIRST_PKT] >>> 2);
    return true;
  }

  #release(): void {
    Atomics.store(this.#words, this.#block + BLOCK_STATUS, TP_STATUS_KERNEL);
    this.#holdsBlock = false;
    this.#block += this.#blockSize;
    if (this.#block === this.#words.length) this.#block = 0;
  }

  /** The offset of the frame in {@linkcode bytes}. */
  get offset(): number {
    return this.#frame * 4 + this.#halves[this.#frame * 2 + MAC];
  }

  /** The number of its bytes in the ring. */
  get captured(): number {
    return this.#words[this.#frame + SNAPLEN];
  }

  /** Its length on the wire, in bytes. */
  get length(): number {
    return this.#words[this.#frame + LEN];
  }

  /** The time at which the kernel received the frame: seconds since 1970. */
  get seconds(): number {
    return this.#words[this.#frame + SEC];
  }

  /** The nanoseconds of that time. */
  get nanoseconds(): number {
    return this.#words[this.#frame + NSEC];
  }

  /** Status flags, such as `TP_STATUS_LOSING`: frames before this one were dropped. */
  get status(): number {
    return this.#words[this.#frame + STATUS];
  }

  /**
   * The VLAN tag, which the kernel removes from the frame; `undefined` if it had none. Of two tags
   * the kernel removes the outer one.
   */
  get vlan(): VlanTag | undefined {
    if ((this.status & TP_STATUS_VLAN_VALID) === 0) return undefined;
    const hasTpid = (this.status & TP_STATUS_VLAN_TPID_VALID) !== 0;
    return {
      tpid: hasTpid ? this.#halves[this.#frame * 2 + VLAN_TPID] : ETH_P_8021Q,
      tci: this.#words[this.#frame + VLAN_TCI],
    };
  }

  /**
   * Removes the mapping; the second time does nothing. Blocks not given back stay as they are, for
   * the next reader of the ring.
   */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#left = 0;
    this.#holdsBlock = false;
    unmap(this.bytes);
  }

  /** {@linkcode close}, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.close();
  }
}

// Offsets of the fields in 32-bit words; of 16-bit fields in half words.
const block = tpacket_block_desc.fields;
const BLOCK_STATUS = block.block_status[0] / 4;
const NUM_PKTS = block.num_pkts[0] / 4;
const SEQ_NUM = block.seq_num[0] / 4;
const OFFSET_TO_FIRST_PKT = block.offset_to_first_pkt[0] / 4;
const frame = tpacket3_hdr.fields;
const NEXT_OFFSET = frame.tp_next_offset[0] / 4;
const SEC = frame.tp_sec[0] / 4;
const NSEC = frame.tp_nsec[0] / 4;
const SNAPLEN = frame.tp_snaplen[0] / 4;
const LEN = frame.tp_len[0] / 4;
const STATUS = frame.tp_status[0] / 4;
const MAC = frame.tp_mac[0] / 2;
const VLAN_TCI = frame.tp_vlan_tci[0] / 4;
const VLAN_TPID = frame.tp_vlan_tpid[0] / 2;
