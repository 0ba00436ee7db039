/**
 * Takes the UDP payload out of a frame for a relay, and names the reason if it cannot.
 *
 * The frame comes from the network, so no length in it is trusted before it is compared with the
 * number of bytes that were captured. The checks and their order are those of a receiving host:
 * ip_rcv_core in net/ipv4/ip_input.c, __udp4_lib_rcv in net/ipv4/udp.c.
 *
 * @module
 */

import { ETH_HLEN, ETH_P_IP, IPPROTO_UDP } from "../../../ffi/abi/constants.ts";
import { ipv4Bytes, type Ipv4Flow } from "../../../ffi/socket/inet.ts";
import type { LinkLayer } from "../../packets/link_layer.ts";
import {
  ETHERNET_TYPE,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_HEADER,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  ipv4GroupHardwareAddress,
  UDP_CHECKSUM,
  UDP_DESTINATION_PORT,
  UDP_HEADER,
  UDP_LENGTH,
} from "../../packets/headers.ts";

/** The reasons for which a relay drops a frame, each with its meaning. */
export const DROP_REASONS = {
  "not IPv4": "another EtherType",
  "malformed header": "an IPv4 header that contradicts itself: RFC 791, 3.1",
  "bad checksum": "the checksum of the IPv4 header is wrong",
  "truncated": "fewer bytes than the header announces",
  "not the group": "to another hardware address or IPv4 address",
  "not the source": "from another source than the one that the relay serves",
  "not UDP": "another protocol",
  "fragment": "a part of a datagram: a relay of whole datagrams would have to reassemble it",
  "malformed UDP": "a UDP length that contradicts the packet's: RFC 768",
  "not the port": "to another port",
  "bad UDP checksum": "the datagram has a checksum, and it is wrong",
  "cut": "longer than the room that it was received into",
  "super-packet": "several packets joined into one in a way that cannot be undone here",
  "too big for the output": "longer than the output carries, and a fragment must not leave",
} as const;

/** The reason for which a relay drops a frame. */
export type DropReason = keyof typeof DROP_REASONS;

/** The bits of the fragment field that a whole datagram has clear. Source: RFC 791, 3.1. */
const MORE_FRAGMENTS_OR_OFFSET = 0x3fff;

/**
 * Finds the payloads of datagrams to one group and port. It reads frame after frame and allocates
 * nothing.
 */
export class DatagramReader {
  readonly #hardwareAddress: readonly number[];
  readonly #group: readonly number[];
  readonly #source: readonly number[];
  readonly #port: number;
  readonly #layer: LinkLayer;

  /** Where the payload of the last datagram begins: an index into the memory that was read. */
  start = 0;
  /** The length of that payload, in bytes. */
  size = 0;
  /** Where the address of its sender is: an index of four bytes. */
  sender = 0;

  /**
   * @param flow The group and port, and the source if only one is wanted.
   * @param layer The form of the frames.
   */
  constructor({ address, port, source }: Ipv4Flow, layer: LinkLayer) {
    this.#source = source === undefined ? [] : [...ipv4Bytes(source)!];
    this.#layer = layer;
    this.#group = [...ipv4Bytes(address)!];
    this.#hardwareAddress = ipv4GroupHardwareAddress(this.#group);
    this.#port = port;
  }

  /**
   * Reads a frame.
   *
   * @param bytes The memory that holds the frame. Nothing else in it is read.
   * @param offset Where the frame begins.
   * @param captured How many bytes of the frame are there.
   * @param isChecksumPending Whether the checksum of the datagram has yet to be computed: this
   *   machine sent the datagram, and it has not reached the hardware that computes checksums
   *   (`TP_STATUS_CSUMNOTREADY`).
   * @returns The reason to drop the frame; `undefined` for a datagram to relay, whose payload is at
   *   {@linkcode start} and {@linkcode size} bytes long.
   */
  read(
    bytes: Uint8Array,
    offset: number,
    captured: number,
    isChecksumPending = false,
  ): DropReason | undefined {
    const word = (at: number) => bytes[at] << 8 | bytes[at + 1];
    const isEthernet = this.#layer === "ethernet";
    const header = isEthernet ? ETH_HLEN : 0;
    if (captured < header) return "truncated";
    if (isEthernet && word(offset + ETHERNET_TYPE) !== ETH_P_IP) return "not IPv4";

    const ip = offset + header;
    const room = captured - header;
    if (room < IPV4_HEADER) return "truncated";
    if (!isEthernet && bytes[ip] >> 4 === 6) return "not IPv4";
    const headerSize = (bytes[ip] & 0x0f) * 4;
    if (bytes[ip] >> 4 !== 4 || headerSize < IPV4_HEADER) return "malformed header";
    if (room < headerSize) return "truncated";
    if (sumOf(bytes, ip, ip + headerSize, 0) !== 0xffff) return "bad checksum";
    const packetSize = word(ip + IPV4_TOTAL_LENGTH);
    if (packetSize < headerSize) return "malformed header";
    if (room < packetSize) return "truncated"; // more is padding

    if (!equalsAt(bytes, ip + IPV4_DESTINATION, this.#group)) return "not the group";
    if (isEthernet && !equalsAt(bytes, offset, this.#hardwareAddress)) return "not the group";
    if (!equalsAt(bytes, ip + IPV4_SOURCE, this.#source)) return "not the source";
    if (bytes[ip + IPV4_PROTOCOL] !== IPPROTO_UDP) return "not UDP";
    if ((word(ip + IPV4_FRAGMENT) & MORE_FRAGMENTS_OR_OFFSET) !== 0) return "fragment";

    const udp = ip + headerSize;
    if (packetSize - headerSize < UDP_HEADER) return "malformed UDP";
    const datagramSize = word(udp + UDP_LENGTH);
    if (datagramSize < UDP_HEADER || datagramSize > packetSize - headerSize) return "malformed UDP";
    if (word(udp + UDP_DESTINATION_PORT) !== this.#port) return "not the port";
    const hasChecksum = word(udp + UDP_CHECKSUM) !== 0; // RFC 768: 0 means none
    if (hasChecksum && !isChecksumPending) {
      const pseudoHeader = sumOf(
        bytes,
        ip + IPV4_SOURCE,
        ip + IPV4_HEADER,
        IPPROTO_UDP + datagramSize,
      );
      if (sumOf(bytes, udp, udp + datagramSize, pseudoHeader) !== 0xffff) return "bad UDP checksum";
    }
    this.sender = ip + IPV4_SOURCE;
    this.start = udp + UDP_HEADER;
    this.size = datagramSize - UDP_HEADER;
    return undefined;
  }
}

/**
 * Returns the payloads of the datagrams that were joined into one, as they were on the wire.
 *
 * @param start Where the joined payload begins.
 * @param size Its length, in bytes.
 * @param segmentSize The length of each payload, of which the last may be shorter; 0 if none were
 *   joined.
 * @returns Where each begins and ends.
 */
export function* datagramsIn(
  start: number,
  size: number,
  segmentSize: number,
): Generator<readonly [start: number, end: number]> {
  const end = start + size;
  const step = segmentSize === 0 ? size : segmentSize;
  let at = start;
  do {
    yield [at, Math.min(at + step, end)];
    at += step;
  } while (at < end);
}

function equalsAt(bytes: Uint8Array, at: number, expected: readonly number[]): boolean {
  for (let i = 0; i < expected.length; i++) {
    if (bytes[at + i] !== expected[i]) return false;
  }
  return true;
}

/**
 * Adds up 16-bit words in ones' complement: 0xffff over bytes that contain their right checksum.
 * Source: RFC 1071.
 *
 * Upper and lower bytes are added up separately, four words at a time, which takes half as long as
 * adding word by word. A packet is too short to overflow 32 bits.
 */
function sumOf(bytes: Uint8Array, start: number, end: number, initial: number): number {
  let upper = 0, lower = 0;
  let at = start;
  for (; at + 7 < end; at += 8) {
    upper += bytes[at] + bytes[at + 2] + bytes[at + 4] + bytes[at + 6];
    lower += bytes[at + 1] + bytes[at + 3] + bytes[at + 5] + bytes[at + 7];
  }
  for (; at + 1 < end; at += 2) {
    upper += bytes[at];
    lower += bytes[at + 1];
  }
  if (at < end) upper += bytes[at];
  let sum = initial + upper * 256 + lower;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}
