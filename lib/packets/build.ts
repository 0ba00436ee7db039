/**
 * Builds the frames that fdpass sends: UDP or another protocol, in IPv4 or IPv6, with the right
 * lengths and checksums, in the form that the sender's link has.
 *
 * Every packet has a TTL of 1, so that no router forwards it, and a source address that is routed
 * nowhere.
 *
 * @module
 */

import { ETH_HLEN, ETH_P_IP, IPPROTO_UDP } from "../../ffi/abi/constants.ts";
import { ipv4Bytes, type Ipv4Endpoint, type Ipv4Flow } from "../../ffi/socket/inet.ts";
import {
  IPV4_CHECKSUM,
  IPV4_HEADER,
  ipv4GroupHardwareAddress,
  UDP_CHECKSUM,
  UDP_HEADER,
} from "./headers.ts";
import type { LinkEnd } from "./link_layer.ts";

type Bytes = ArrayLike<number>;

/** The source of every IPv4 frame, unless another is given. RFC 5737: for documentation. */
export const STIMULUS_SOURCE: Ipv4Endpoint = { address: "192.0.2.1", port: 5004 };

const SOURCE_V4 = ipv4Bytes(STIMULUS_SOURCE.address)!;
// RFC 3849: reserved for documentation
const SOURCE_V6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const TTL = 1;
const DONT_FRAGMENT = [0x40, 0];

/** The shortest Ethernet frame, without its checksum. Source: IEEE 802.3. */
const SHORTEST_FRAME = 60;

/** The padding of a short frame: not 0, so that a receiver that takes it for payload is noticed. */
const PADDING = 0xee;

/** Returns a number from 0 to 65535 in network byte order. */
export const be16 = (value: number): number[] => [value >> 8 & 0xff, value & 0xff];

/** The length up to which a loop copies faster than set() does. */
const SHORT = 32;

/** Joins parts into one array. */
export function joined(...parts: readonly Bytes[]): Uint8Array<ArrayBuffer> {
  let size = 0;
  for (const part of parts) size += part.length;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    if (part.length > SHORT) whole.set(part, at);
    else for (let i = 0; i < part.length; i++) whole[at + i] = part[i];
    at += part.length;
  }
  return whole;
}

/** Computes the Internet checksum of some bytes. Source: RFC 1071. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i] << 8 | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/**
 * Puts a packet into a frame, as the sender's link wants it.
 *
 * @param destination The hardware address, 6 bytes. A link without a header has no use for it.
 */
export function linkFrame(
  { layer, address }: Pick<LinkEnd, "layer" | "address">,
  destination: Bytes,
  etherType: number,
  packet: Bytes,
): Uint8Array<ArrayBuffer> {
  return layer === "ip" ? joined(packet) : joined(destination, address, be16(etherType), packet);
}

/** The parts of an IPv4 packet that differ. */
export interface Ipv4Packet {
  readonly protocol: number;
  /** Four bytes; {@linkcode STIMULUS_SOURCE} by default. */
  readonly source?: Bytes;
  /** Four bytes. */
  readonly destination: Bytes;
  /** Options of the header, whole words. */
  readonly options?: Bytes;
  readonly payload: Bytes;
}

/** Builds an IPv4 packet. Source: RFC 791, 3.1. */
export function ipv4Packet(
  { protocol, source = SOURCE_V4, destination, options = [], payload }: Ipv4Packet,
): Uint8Array<ArrayBuffer> {
  const headerSize = IPV4_HEADER + options.length;
  const packet = joined(
    [0x40 | headerSize / 4, 0],
    be16(headerSize + payload.length),
    be16(0), // identification
    DONT_FRAGMENT,
    [TTL, protocol],
    be16(0), // checksum
    source,
    destination,
    options,
    payload,
  );
  return withHeaderChecksum(packet);
}

/** Writes the checksum of an IPv4 packet's header, and returns the packet. */
export function withHeaderChecksum(packet: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const header = packet.subarray(0, (packet[0] & 0x0f) * 4);
  header.set(be16(0), IPV4_CHECKSUM);
  header.set(be16(internetChecksum(header)), IPV4_CHECKSUM);
  return packet;
}

/** Builds an IPv6 packet. Source: RFC 8200, 3. */
function ipv6Packet(
  nextHeader: number,
  destination: Bytes,
  payload: Bytes,
): Uint8Array<ArrayBuffer> {
  const head = [0x60, 0, 0, 0, ...be16(payload.length), nextHeader, TTL];
  return joined(head, SOURCE_V6, destination, payload);
}

/** The payload and the destination of a UDP datagram. */
export interface UdpOptions {
  /** The group's bytes: four or sixteen. */
  readonly destination: Bytes;
  readonly port: number;
  readonly payload: Bytes;
}

/**
 * Builds a UDP datagram. Source: RFC 768.
 *
 * @param pseudoHeader Returns the bytes that the checksum covers besides the datagram, by the
 *   datagram's length; `undefined` for no checksum.
 */
function udpDatagram(
  { port, payload }: UdpOptions,
  pseudoHeader: ((length: number) => Bytes) | undefined,
): Uint8Array<ArrayBuffer> {
  const length = UDP_HEADER + payload.length;
  const datagram = joined(be16(STIMULUS_SOURCE.port), be16(port), be16(length), be16(0), payload);
  if (pseudoHeader !== undefined) {
    const checksum = internetChecksum(joined(pseudoHeader(length), datagram));
    datagram.set(be16(checksum || 0xffff), UDP_CHECKSUM); // 0 means that there is no checksum
  }
  return datagram;
}

/**
 * Builds an IPv4 packet with a UDP datagram.
 *
 * @param options.source The source's bytes: {@linkcode STIMULUS_SOURCE} by default.
 * @param options.options Options of the IPv4 header, whole words.
 * @param options.isSummed Whether the datagram has a checksum.
 */
export function udpOverIpv4(
  { source = SOURCE_V4, options = [], isSummed = true, ...udp }: UdpOptions & {
    readonly source?: Bytes;
    readonly options?: Bytes;
    readonly isSummed?: boolean;
  },
): Uint8Array<ArrayBuffer> {
  const { destination } = udp;
  const pseudoHeader = (length: number) =>
    joined(source, destination, [0, IPPROTO_UDP], be16(length));
  const payload = udpDatagram(udp, isSummed ? pseudoHeader : undefined);
  return ipv4Packet({ protocol: IPPROTO_UDP, source, destination, options, payload });
}

/** Builds an IPv6 packet with a UDP datagram and its checksum. Source: RFC 8200, 8.1. */
export function udpOverIpv6(udp: UdpOptions): Uint8Array<ArrayBuffer> {
  const { destination } = udp;
  const datagram = udpDatagram(
    udp,
    (length) => joined(SOURCE_V6, destination, [0, 0], be16(length), [0, 0, 0, IPPROTO_UDP]),
  );
  return ipv6Packet(IPPROTO_UDP, destination, datagram);
}

/** A datagram to an IPv4 group, and the form in which it is sent. */
export interface DatagramOptions {
  /** The sender's end of the link. */
  readonly sender: Pick<LinkEnd, "layer" | "address">;
  /** Where it goes, and its source if that is not {@linkcode STIMULUS_SOURCE}. */
  readonly to: Ipv4Flow;
  readonly payload: Uint8Array;
  /** Options of the IPv4 header, whole words. */
  readonly options?: readonly number[];
  /** Whether the datagram has a checksum. */
  readonly isSummed?: boolean;
}

/**
 * Builds a frame with a UDP datagram to an IPv4 group, padded to the shortest length that is legal
 * on Ethernet.
 */
export function datagramFrame(
  { sender, to: { address, port, source = STIMULUS_SOURCE.address }, ...rest }: DatagramOptions,
): Uint8Array<ArrayBuffer> {
  const destination = ipv4Bytes(address)!;
  const packet = udpOverIpv4({ source: ipv4Bytes(source)!, destination, port, ...rest });
  const missing = sender.layer === "ip" ? 0 : SHORTEST_FRAME - ETH_HLEN - packet.length;
  const padding = new Uint8Array(Math.max(0, missing)).fill(PADDING);
  const hardwareAddress = ipv4GroupHardwareAddress(destination);
  return linkFrame(sender, hardwareAddress, ETH_P_IP, joined(packet, padding));
}
