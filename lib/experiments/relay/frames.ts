/**
 * The frames that the parent injects for a relay: datagrams of every size that fits into a frame,
 * and the invalid frames of a run.
 *
 * @module
 */

import type { Ipv4Endpoint } from "../../../ffi/socket/inet.ts";
import { datagramFrame } from "../../packets/build.ts";
import { ROUTER_ALERT } from "../../packets/headers.ts";
import type { InvalidFrame } from "./invalid_frames.ts";

/** The longest payload of one frame: an Ethernet MTU of 1500 less the headers of IPv4 and UDP. */
export const LONGEST_PAYLOAD = 1472;

const NONCE_SIZE = 16;

/** The frames of one run, each different from those of any other run. */
export class RelayFrames {
  readonly #nonce = crypto.getRandomValues(new Uint8Array(NONCE_SIZE));

  /**
   * @param source The sender's hardware address.
   * @param to The group and port that the relay is for.
   */
  constructor(readonly source: Uint8Array, readonly to: Ipv4Endpoint) {}

  /**
   * What a datagram carries: this run's nonce and its sequence number, as far as there is room, and a filling of its own.
   *
   * Every {@linkcode LONGEST_PAYLOAD} + 1 datagrams have every size once, in no simple order.
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

  /** A datagram to the group; some without a checksum, some with an option in the IPv4 header, if there is room for one. */
  datagram(sequence: number): Uint8Array<ArrayBuffer> {
    const payload = this.payload(sequence);
    const hasOption = sequence % 7 === 0 && payload.length <= LONGEST_PAYLOAD - ROUTER_ALERT.length;
    return datagramFrame({
      source: this.source,
      to: this.to,
      payload,
      options: hasOption ? ROUTER_ALERT : [],
      isSummed: sequence % 5 !== 0,
    });
  }

  /** A frame of one of the kinds that are not to be passed on. */
  invalid({ alter }: InvalidFrame): Uint8Array<ArrayBuffer> {
    const payload = new Uint8Array(80).fill(0x5a);
    payload.set(this.#nonce);
    return alter(datagramFrame({ source: this.source, to: this.to, payload }), this.to);
  }
}
