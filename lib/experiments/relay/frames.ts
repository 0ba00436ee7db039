/**
 * The frames that the parent injects for a relay: datagrams of every size that the links carry, and
 * the invalid frames of a run.
 *
 * @module
 */

import type { Ipv4Flow } from "../../../ffi/socket/inet.ts";
import { datagramFrame } from "../../packets/build.ts";
import { IPV4_HEADER, ROUTER_ALERT, UDP_HEADER } from "../../packets/headers.ts";
import type { LinkEnd } from "../../packets/link_layer.ts";
import type { InvalidFrame } from "./invalid_frames.ts";

/** The longest IPv4 packet, in bytes. Source: RFC 791, 3.1. */
const LONGEST_PACKET = 0xffff;

/**
 * Returns the longest payload of a datagram that crosses a link in one piece, in bytes.
 *
 * @param ends The ends, each with a limit of its own.
 */
export function longestPayload(...ends: readonly Pick<LinkEnd, "mtu">[]): number {
  return Math.min(LONGEST_PACKET, ...ends.map(({ mtu }) => mtu)) - IPV4_HEADER - UDP_HEADER;
}

/** The most sizes of a round: every one up to the longest on Ethernet. */
const MOST_SIZES = 1473;

/** The most bytes of payload that a round has, more or less: the loopback carries 64 KiB at once. */
const MOST_BYTES = 1 << 23;

const NONCE_SIZE = 16;

/** The shortest payload that carries the nonce of a run: the sequence number is before it. */
export const MARKED_SIZE = 4 + NONCE_SIZE;

/** The bytes behind a mark: each start within the first 256 gives another payload. */
const FILLING = Uint8Array.from({ length: LONGEST_PACKET + 256 }, (_, i) => (i * 7) & 0xff);

/** The payload of an invalid frame: short enough for the shortest MTU of IPv4, which is 68. */
const INVALID_SIZE = 40;

/** The frames of one run. Each differs from those of every other run. */
export class RelayFrames {
  readonly #nonce = crypto.getRandomValues(new Uint8Array(NONCE_SIZE));
  readonly #step: number;
  /** How many datagrams are a round: one of each size. */
  readonly round: number;

  /**
   * @param sender The sender's end of the link.
   * @param to The group and port that the relay serves, and the source if it serves only one.
   * @param longest The longest payload, in bytes.
   */
  constructor(
    readonly sender: Pick<LinkEnd, "layer" | "address">,
    readonly to: Ipv4Flow,
    readonly longest: number,
  ) {
    const most = Math.min(MOST_SIZES, Math.floor(2 * MOST_BYTES / longest));
    this.round = Math.min(longest + 1, most);
    this.#step = this.round % 577 === 0 ? 587 : 577; // primes: each size comes once in a round
  }

  /**
   * Returns the payload of a datagram: its sequence number and this run's nonce, as far as they
   * fit, and bytes that differ from datagram to datagram.
   *
   * Each {@linkcode round} has as many sizes, from none to the longest, in mixed order. The first
   * datagram is the longest.
   */
  payload(sequence: number): Uint8Array<ArrayBuffer> {
    const last = this.round - 1;
    const place = last - sequence * this.#step % this.round;
    const size = last === 0 ? this.longest : Math.floor(place * this.longest / last);
    const start = sequence * 131 & 0xff;
    const payload = FILLING.slice(start, start + size);
    const mark = new Uint8Array(MARKED_SIZE);
    new DataView(mark.buffer).setUint32(0, sequence);
    mark.set(this.#nonce, 4);
    payload.set(mark.subarray(0, size));
    return payload;
  }

  /**
   * Builds a frame with a datagram to the group. Some have no UDP checksum; some have an option in
   * the IPv4 header, if there is room.
   */
  datagram(sequence: number): Uint8Array<ArrayBuffer> {
    const payload = this.payload(sequence);
    const hasOption = sequence % 7 === 0 && payload.length <= this.longest - ROUTER_ALERT.length;
    return datagramFrame({
      sender: this.sender,
      to: this.to,
      payload,
      options: hasOption ? ROUTER_ALERT : [],
      isSummed: sequence % 5 !== 0,
    });
  }

  /** Builds a frame that the relay must not pass on. */
  invalid({ alter }: InvalidFrame): Uint8Array<ArrayBuffer> {
    const payload = new Uint8Array(INVALID_SIZE).fill(0x5a);
    payload.set(this.#nonce);
    return alter(datagramFrame({ sender: this.sender, to: this.to, payload }), this.to);
  }
}
