/**
 * Taking the UDP payload out of an Ethernet frame, for a relay: all of it is checked, and what does not hold has a name.
 *
 * The frame comes from the network, so no length in it is believed before it was held against what is there. The checks and their order are
 * those of a host that receives: ip_rcv_core in net/ipv4/ip_input.c, __udp4_lib_rcv in net/ipv4/udp.c.
 *
 * @module
 */

import { ETH_HLEN, ETH_P_IP, IPPROTO_UDP } from "../../ffi/abi/constants.ts";
import { ipv4Bytes, type Ipv4Endpoint } from "../../ffi/socket/inet.ts";
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
} from "./headers.ts";

/** Why a frame is not passed on, each with what it means. */
export const DROP_REASONS = {
  "not IPv4": "another EtherType",
  "malformed header": "an IPv4 header that contradicts itself: RFC 791, 3.1",
  "bad checksum": "the checksum of the IPv4 header is wrong",
  "truncated": "less is there than the header says",
  "not the group": "to another address, of hardware or of IPv4",
  "not UDP": "another protocol",
  "fragment": "a part of a datagram: a relay of whole datagrams would have to put it together",
  "malformed UDP": "a UDP length that contradicts that of the packet: RFC 768",
  "not the port": "to another port",
  "bad UDP checksum": "the checksum of the datagram is there, and wrong",
} as const;

/** Why a frame is not passed on. */
export type DropReason = keyof typeof DROP_REASONS;

/** The bits of the fragment field that a whole datagram has clear. Source: RFC 791, 3.1. */
const MORE_FRAGMENTS_OR_OFFSET = 0x3fff;

/** Finds the payload of datagrams to one group and port. One is made, and reads frame after frame without garbage. */
export class DatagramReader {
  readonly #hardwareAddress: readonly number[];
  readonly #group: readonly number[];
  readonly #port: number;

  /** Where the payload of the datagram begins that was read last, as an index of the bytes that were given. */
  start = 0;
  /** How long it is, in bytes. */
  size = 0;

  constructor({ address, port }: Ipv4Endpoint) {
    this.#group = [...ipv4Bytes(address)!];
    this.#hardwareAddress = ipv4GroupHardwareAddress(this.#group);
    this.#port = port;
  }

  /**
   * Reads a frame.
   *
   * @param bytes Memory in which it lies. Nothing is read of it but the frame.
   * @param offset Where it begins.
   * @param captured How many bytes of it are there.
   * @param isChecksumPending Whether the checksum of the datagram is still to be computed: by hardware that it has not
   * come to, since it comes from this machine (`TP_STATUS_CSUMNOTREADY`).
   * @returns Why it is not one to pass on; `undefined` if it is: {@linkcode start} and {@linkcode size} then say where its payload is.
   */
  read(
    bytes: Uint8Array,
    offset: number,
    captured: number,
    isChecksumPending = false,
  ): DropReason | undefined {
    const word = (at: number) => bytes[at] << 8 | bytes[at + 1];
    if (captured < ETH_HLEN) return "truncated";
    if (word(offset + ETHERNET_TYPE) !== ETH_P_IP) return "not IPv4";

    const ip = offset + ETH_HLEN;
    const room = captured - ETH_HLEN;
    if (room < IPV4_HEADER) return "truncated";
    const headerSize = (bytes[ip] & 0x0f) * 4;
    if (bytes[ip] >> 4 !== 4 || headerSize < IPV4_HEADER) return "malformed header";
    if (room < headerSize) return "truncated";
    if (sumOf(bytes, ip, ip + headerSize, 0) !== 0xffff) return "bad checksum";
    const packetSize = word(ip + IPV4_TOTAL_LENGTH);
    if (packetSize < headerSize) return "malformed header";
    if (room < packetSize) return "truncated"; // what is beyond the packet is padding

    if (!equalsAt(bytes, ip + IPV4_DESTINATION, this.#group)) return "not the group";
    if (!equalsAt(bytes, offset, this.#hardwareAddress)) return "not the group";
    if (bytes[ip + IPV4_PROTOCOL] !== IPPROTO_UDP) return "not UDP";
    if ((word(ip + IPV4_FRAGMENT) & MORE_FRAGMENTS_OR_OFFSET) !== 0) return "fragment";

    const udp = ip + headerSize;
    if (packetSize - headerSize < UDP_HEADER) return "malformed UDP";
    const datagramSize = word(udp + UDP_LENGTH);
    if (datagramSize < UDP_HEADER || datagramSize > packetSize - headerSize) return "malformed UDP";
    if (word(udp + UDP_DESTINATION_PORT) !== this.#port) return "not the port";
    const hasChecksum = word(udp + UDP_CHECKSUM) !== 0; // RFC 768: 0 says that the sender made none
    if (hasChecksum && !isChecksumPending) {
      const pseudoHeader = sumOf(
        bytes,
        ip + IPV4_SOURCE,
        ip + IPV4_HEADER,
        IPPROTO_UDP + datagramSize,
      );
      if (sumOf(bytes, udp, udp + datagramSize, pseudoHeader) !== 0xffff) return "bad UDP checksum";
    }
    this.start = udp + UDP_HEADER;
    this.size = datagramSize - UDP_HEADER;
    return undefined;
  }
}

function equalsAt(bytes: Uint8Array, at: number, expected: readonly number[]): boolean {
  for (let i = 0; i < expected.length; i++) {
    if (bytes[at + i] !== expected[i]) return false;
  }
  return true;
}

/**
 * The sum of 16-bit words in ones' complement; 0xffff over what carries a right checksum. Source: RFC 1071.
 *
 * Upper and lower bytes are summed apart, four words at a time: half the time that it takes word by word. A packet is too short to overflow 32 bits.
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
