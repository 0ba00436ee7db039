/**
 * The frames that the parent injects for a relay: datagrams of every size that fits into a frame,
 * and the invalid frames of a run.
 *
 * @module
 */

import type { Ipv4Endpoint } from "../../../ffi/socket/inet.ts";
import { datagramFrame } from "../../packets/build.ts";
import type { LinkEnd } from "../../packets/link_layer.ts";
import { ROUTER_ALERT } from "../../packets/headers.ts";
import type { InvalidFrame } from "./invalid_frames.ts";

/** The longest payload of one frame: an Ethernet MTU of 1500 less the headers of IPv4 and UDP. */
export const LONGEST_PAYLOAD = 1472;

const NONCE_SIZE = 16;

/** The frames of one run. Each differs from those of every other run. */
export class RelayFrames {
  readonly #nonce = crypto.getRandomValues(new Uint8Array(NONCE_SIZE));

  /**
   * @param sender The sender's end of the link.
   * @param to The group and port that the relay serves.
   */
  constructor(readonly sender: Pick<LinkEnd, "layer" | "address">, readonly to: Ipv4Endpoint) {}

  /**
   * Returns the payload of a datagram: its sequence number and this run's nonce, as far as they
   * fit, and bytes that differ from datagram to datagram.
   *
   * Each round of {@linkcode LONGEST_PAYLOAD} + 1 datagrams has every size once, in mixed order.
   */
  payload(sequence: number): Uint8Array<ArrayBuffer> {
    const size = sequence * 577 % (LONGEST_PAYLOAD + 1);
    const payload = Uint8Array.from({ length: size }, (_, i) => (sequence * 131 + i * 7) & 0xff);
    const mark = new Uint8Array(4 + NONCE_SIZE);
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
    const hasOption = sequence % 7 === 0 && payload.length <= LONGEST_PAYLOAD - ROUTER_ALERT.length;
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
    const payload = new Uint8Array(80).fill(0x5a);
    payload.set(this.#nonce);
    return alter(datagramFrame({ sender: this.sender, to: this.to, payload }), this.to);
  }
}
