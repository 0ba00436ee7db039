/**
 * What the parent injects for a relay: datagrams to the group, of every size that fits into a frame, and frames that are none, of every kind
 * that a worker must tell apart. What is to become of each stands beside it.
 *
 * @module
 */

import {
  ETH_HLEN,
  ETH_P_IP,
  ETH_P_IPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from "../../../ffi/abi/constants.ts";
import { ipv4Bytes, type Ipv4Endpoint } from "../../../ffi/socket/inet.ts";
import { type DropReason, groupHardwareAddress } from "../../packets/datagrams.ts";
import { internetChecksum } from "../../packets/stimulus.ts";

/** The longest payload of a datagram that one Ethernet frame carries: 1500 bytes without the headers of IPv4 and UDP. */
export const LONGEST_PAYLOAD = 1472;

/** The source address of every datagram. Source: RFC 5737: for documentation, routed nowhere. */
export const SOURCE_ADDRESS = "192.0.2.1";
const SOURCE_PORT = 5004;

const IP = ETH_HLEN;
const SHORTEST_FRAME = 60; // IEEE 802.3, without the checksum
const PADDING = 0xee; // not 0, so that it shows where it does not belong

/** How a datagram is sent. */
export interface DatagramOptions {
  /** The sender's hardware address. */
  readonly source: Uint8Array;
  readonly to: Ipv4Endpoint;
  readonly payload: Uint8Array;
  /** Options of the IPv4 header, whole words. */
  readonly options?: readonly number[];
  /** Whether there is a checksum of the datagram. */
  readonly isSummed?: boolean;
}

/** A datagram in an Ethernet frame; one that is too short for Ethernet is padded. */
export function datagramFrame(
  { source, to, payload, options = [], isSummed = true }: DatagramOptions,
): Uint8Array<ArrayBuffer> {
  const headerSize = 20 + options.length;
  const packetSize = headerSize + 8 + payload.length;
  const frame = new Uint8Array(Math.max(SHORTEST_FRAME, IP + packetSize)).fill(PADDING);
  const view = new DataView(frame.buffer);
  frame.set(groupHardwareAddress(to.address));
  frame.set(source, 6);
  view.setUint16(12, ETH_P_IP);
  frame.set([0x40 | headerSize / 4, 0, 0, 0, 0, 0, 0x40, 0, 1, IPPROTO_UDP, 0, 0], IP); // don't fragment, TTL 1
  view.setUint16(IP + 2, packetSize);
  frame.set(ipv4Bytes(SOURCE_ADDRESS)!, IP + 12);
  frame.set(ipv4Bytes(to.address)!, IP + 16);
  frame.set(options, IP + 20);
  const udp = IP + headerSize;
  view.setUint16(udp, SOURCE_PORT);
  view.setUint16(udp + 2, to.port);
  view.setUint16(udp + 4, 8 + payload.length);
  view.setUint16(udp + 6, 0);
  frame.set(payload, udp + 8);
  if (isSummed) {
    const datagram = frame.subarray(udp, udp + 8 + payload.length);
    const pseudoHeader = [...frame.subarray(IP + 12, IP + 20), 0, IPPROTO_UDP, 0, 0];
    const summed = new Uint8Array(12 + datagram.length);
    summed.set(pseudoHeader);
    summed.set(frame.subarray(udp + 4, udp + 6), 10);
    summed.set(datagram, 12);
    view.setUint16(udp + 6, internetChecksum(summed) || 0xffff); // RFC 768: 0 would say that there is none
  }
  return sealed(frame);
}

/** Writes the checksum of the IPv4 header anew. */
function sealed(frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const header = frame.subarray(IP, IP + (frame[IP] & 0x0f) * 4);
  header.set([0, 0], 10);
  const checksum = internetChecksum(header);
  header.set([checksum >> 8, checksum & 0xff], 10);
  return frame;
}

type Frame = Uint8Array<ArrayBuffer>;

/** A frame that is not to be passed on. */
export interface Invalid {
  readonly what: string;
  readonly reason: DropReason;
  /** Whether the filter of the socket keeps it from the worker already. */
  readonly isFiltered: boolean;
  /** Makes it of a frame with a datagram to the group. */
  readonly of: (frame: Frame, to: Ipv4Endpoint) => Frame;
}

const changed = (offset: number, ...bytes: number[]) => (frame: Frame): Frame => {
  frame.set(bytes, offset);
  return frame;
};
const resealed = (offset: number, ...bytes: number[]) => (frame: Frame): Frame =>
  sealed(changed(offset, ...bytes)(frame));

const VLAN_TAG = [0x81, 0x00, 0x00, 0x05]; // IEEE 802.1Q, VLAN 5
const ROUTER_ALERT = [0x94, 0x04, 0, 0]; // RFC 2113

const kept = { isFiltered: true }, counted = { isFiltered: false };

/** Every kind of frame that is not to be passed on. */
export const INVALID: readonly Invalid[] = [
  { what: "ARP", reason: "not IPv4", ...kept, of: changed(12, 0x08, 0x06) },
  {
    what: "IPv6",
    reason: "not IPv4",
    ...kept,
    of: changed(12, ETH_P_IPV6 >> 8, ETH_P_IPV6 & 0xff),
  },
  {
    what: "a frame of a VLAN",
    reason: "not IPv4",
    ...kept,
    of: (frame) => Uint8Array.from([...frame.slice(0, 12), ...VLAN_TAG, ...frame.slice(12)]),
  },
  {
    what: "another group",
    reason: "not the group",
    ...kept,
    of: (frame, { address }) => {
      const another = ipv4Bytes(address)!;
      another[3] ^= 0x01;
      return changed(0, ...groupHardwareAddress(another.join(".")))(
        resealed(30, ...another)(frame),
      );
    },
  },
  {
    what: "another group with the same hardware address",
    reason: "not the group",
    ...kept,
    of: (frame) => resealed(31, frame[31] ^ 0x80)(frame), // RFC 1112, 6.4: 23 bits of 28
  },
  {
    what: "the group, by the hardware address of one host",
    reason: "not the group",
    ...kept,
    of: changed(0, 0x02, 0, 0, 0, 0, 0x02),
  },
  { what: "TCP to the group", reason: "not UDP", ...kept, of: resealed(23, IPPROTO_TCP) },
  {
    what: "a frame that ends within the IPv4 header",
    reason: "truncated",
    ...kept,
    of: (frame) => frame.slice(0, 30),
  },
  { what: "IPv6 in an IPv4 frame", reason: "malformed header", ...counted, of: changed(14, 0x65) },
  { what: "a header of 16 bytes", reason: "malformed header", ...counted, of: changed(14, 0x44) },
  {
    what: "a packet shorter than its header",
    reason: "malformed header",
    ...counted,
    of: resealed(16, 0, 19),
  },
  {
    what: "a header longer than the frame",
    reason: "truncated",
    ...counted,
    of: (frame) => changed(14, 0x4f)(frame.slice(0, 60)),
  },
  {
    what: "a packet longer than the frame",
    reason: "truncated",
    ...counted,
    of: resealed(16, 0xff, 0xff),
  },
  {
    what: "a frame that ends within the datagram",
    reason: "truncated",
    ...counted,
    of: (frame) => frame.slice(0, 40),
  },
  {
    what: "a wrong header checksum",
    reason: "bad checksum",
    ...counted,
    of: (frame) => changed(24, frame[24] ^ 0xff)(frame),
  },
  { what: "a first fragment", reason: "fragment", ...counted, of: resealed(20, 0x20, 0) },
  { what: "a fragment in the middle", reason: "fragment", ...counted, of: resealed(20, 0x20, 1) },
  { what: "a last fragment", reason: "fragment", ...counted, of: resealed(20, 0, 0xb9) },
  {
    what: "a packet without room for a UDP header",
    reason: "malformed UDP",
    ...counted,
    of: resealed(16, 0, 27),
  },
  {
    what: "a UDP length of 7",
    reason: "malformed UDP",
    ...counted,
    of: changed(38, 0, 7),
  },
  {
    what: "a UDP length beyond the packet",
    reason: "malformed UDP",
    ...counted,
    of: changed(38, 0xff, 0xff),
  },
  {
    what: "another port",
    reason: "not the port",
    ...counted,
    of: (frame) => changed(37, frame[37] ^ 0x01)(frame),
  },
  {
    what: "a wrong UDP checksum",
    reason: "bad UDP checksum",
    ...counted,
    of: (frame) => changed(40, frame[40] ^ 0x55, frame[41])(frame),
  },
  {
    what: "a byte of the payload that is another",
    reason: "bad UDP checksum",
    ...counted,
    of: (frame) => changed(42, frame[42] ^ 0x01)(frame),
  },
];

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
  invalid({ of }: Invalid): Uint8Array<ArrayBuffer> {
    const payload = new Uint8Array(80).fill(0x5a);
    payload.set(this.#nonce);
    return of(datagramFrame({ source: this.source, to: this.to, payload }), this.to);
  }
}
