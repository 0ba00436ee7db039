/**
 * The stimulus: the frames that a multicast relay meets. UDP to an IPv4 group, an IGMPv3 membership
 * report and UDP to an IPv6 group take turns.
 *
 * Each frame carries a secret, drawn when it is sent, directly behind the end of its IP packet. The
 * IP layer cuts that off, so only a packet socket reads it: a socket that joins the group learns the
 * frame's number, and nothing else. Source: ip_rcv_core in net/ipv4/ip_input.c.
 *
 * @module
 */

import {
  ETH_P_IP,
  ETH_P_IPV6,
  IGMPV3_MODE_IS_EXCLUDE,
  IPPROTO_IGMP,
  IPPROTO_UDP,
} from "../../ffi/abi/constants.ts";
import { attempt } from "../../ffi/abi/errno.ts";
import type { OwnedFd } from "../../ffi/process/descriptor.ts";
import type { Link } from "../../ffi/socket/rtnetlink.ts";
import { endOfPacket } from "./frames.ts";
import { boundPacketSocket, sendFrame } from "./socket.ts";

/** The length of a secret, in bytes. */
export const SECRET_SIZE = 16;
const PORT = 5004;

/** The Internet checksum of some bytes. Source: RFC 1071. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i] << 8 | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const be16 = (value: number): number[] => [value >> 8 & 0xff, value & 0xff];

/** Writes the checksum of `bytes` (in which its field is 0) at `offset`. */
function sealed(bytes: number[], offset: number, pseudoHeader: number[] = []): number[] {
  const checksum = internetChecksum(Uint8Array.from([...pseudoHeader, ...bytes]));
  return bytes.with(offset, checksum >> 8).with(offset + 1, checksum & 0xff);
}

const ethernet = (group: number[], source: Uint8Array, type: number, payload: number[]) =>
  Uint8Array.from([...group, ...source, ...be16(type), ...payload]);

const SOURCE_V4 = [192, 0, 2, 1]; // RFC 5737: for documentation, routed nowhere
const GROUP_V4 = [239, 255, 70, 68]; // RFC 2365: site-local scope
const IGMP_V4 = [224, 0, 0, 22]; // RFC 3376, 4.2.14: where version 3 reports go
const SOURCE_V6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]; // RFC 3849
const GROUP_V6 = [0xff, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x46, 0x44]; // RFC 4291, 2.7: transient, site-local

const groupMacV4 = (group: number[]) => [0x01, 0x00, 0x5e, group[1] & 0x7f, group[2], group[3]]; // RFC 1112, 6.4
const groupMacV6 = (group: number[]) => [0x33, 0x33, ...group.slice(12)]; // RFC 2464, 7

function ipv4(protocol: number, group: number[], options: number[], payload: number[]): number[] {
  const headerSize = 20 + options.length;
  const header = [
    0x40 | headerSize / 4,
    0,
    ...be16(headerSize + payload.length),
    ...be16(0),
    ...be16(0x4000), // don't fragment
    1, // TTL: not beyond this link
    protocol,
    ...be16(0),
    ...SOURCE_V4,
    ...group,
    ...options,
  ];
  return [...sealed(header, 10), ...payload];
}

function udp(mark: number[]): number[] {
  return [...be16(PORT), ...be16(PORT), ...be16(8 + mark.length), ...be16(0), ...mark];
}

function udpOverIpv4(mark: number[]): number[] {
  const datagram = udp(mark);
  const pseudoHeader = [...SOURCE_V4, ...GROUP_V4, 0, IPPROTO_UDP, ...be16(datagram.length)];
  return ipv4(IPPROTO_UDP, GROUP_V4, [], sealed(datagram, 6, pseudoHeader));
}

// RFC 3376, 4.2: a report with one group record; the mark travels as its auxiliary data, which receivers ignore (4.2.6).
function igmpReport(mark: number[]): number[] {
  const record = [IGMPV3_MODE_IS_EXCLUDE, mark.length / 4, ...be16(0), ...GROUP_V4, ...mark];
  const report = [0x22, 0, ...be16(0), ...be16(0), ...be16(1), ...record];
  const routerAlert = [0x94, 0x04, 0, 0]; // RFC 2113
  return ipv4(IPPROTO_IGMP, IGMP_V4, routerAlert, sealed(report, 2));
}

function udpOverIpv6(mark: number[]): number[] {
  const datagram = udp(mark);
  const addresses = [...SOURCE_V6, ...GROUP_V6];
  const pseudoHeader = [...addresses, ...be16(0), ...be16(datagram.length), 0, 0, 0, IPPROTO_UDP];
  const header = [0x60, 0, 0, 0, ...be16(datagram.length), IPPROTO_UDP, 1, ...addresses];
  return [...header, ...sealed(datagram, 6, pseudoHeader)];
}

/**
 * One frame of the stimulus.
 *
 * @param sequence 0 to 4294967295; its remainder by 3 decides the kind of frame.
 * @param source The sender's hardware address, 6 bytes.
 * @param secret 16 bytes, for the place behind the IP packet.
 * @param size The frame's length in bytes, if it is to be longer than it would be. The padding
 *   follows the secret, and differs from frame to frame.
 */
export function stimulusFrame(
  sequence: number,
  source: Uint8Array,
  secret: Uint8Array,
  size = 0,
): Uint8Array<ArrayBuffer> {
  const packet = frameWithoutSecret(sequence, source);
  const shortest = packet.length + SECRET_SIZE;
  const frame = Uint8Array.from(
    { length: Math.max(shortest, size) },
    (_, i) => (sequence * 131 + i * 7) & 0xff,
  );
  frame.set(packet);
  frame.set(secret, packet.length);
  return frame;
}

function frameWithoutSecret(sequence: number, source: Uint8Array): Uint8Array<ArrayBuffer> {
  const mark = [...be16(sequence >>> 16), ...be16(sequence)];
  switch (sequence % 3) {
    case 1:
      return ethernet(groupMacV4(IGMP_V4), source, ETH_P_IP, igmpReport(mark));
    case 2:
      return ethernet(groupMacV6(GROUP_V6), source, ETH_P_IPV6, udpOverIpv6(mark));
    default:
      return ethernet(groupMacV4(GROUP_V4), source, ETH_P_IP, udpOverIpv4(mark));
  }
}

/**
 * The bytes in the place of a secret, in hexadecimal; `undefined` for a frame without that place.
 *
 * @param frame Its first 256 bytes are enough for a frame of the stimulus.
 */
export function secretOf(frame: Uint8Array): string | undefined {
  const end = endOfPacket(frame);
  if (end === undefined || frame.length < end + SECRET_SIZE) return undefined;
  return frame.subarray(end, end + SECRET_SIZE).toHex();
}

/** Whether a frame holds an IP packet of the stimulus, whatever stands behind it. */
export function holdsStimulus(frame: Uint8Array): boolean {
  const end = endOfPacket(frame);
  if (end === undefined || end > frame.length || end < SHORTEST_PACKET) return false;
  const sequence = new DataView(frame.buffer, frame.byteOffset + end - 4).getUint32(0);
  const packet = frameWithoutSecret(sequence, frame.subarray(6, 12));
  return packet.length === end && packet.every((byte, i) => byte === frame[i]);
}

const SHORTEST_PACKET = 46; // Ethernet, IPv4, UDP, and the number

/** Injects frames at one interface. */
export class Stimulus implements Disposable {
  readonly #socket: OwnedFd;
  #sent = 0;

  /**
   * @param link Where to inject: the peer of the interface under test.
   * @param sizeOf How long a frame is to be at least, by its sequence number.
   * @throws {SystemError} If the packet socket cannot be opened or bound there.
   */
  constructor(readonly link: Link, readonly sizeOf: (sequence: number) => number = () => 0) {
    this.#socket = boundPacketSocket(link.ifindex, 0); // protocol 0: it only sends
  }

  /** How many frames have been sent. */
  get sent(): number {
    return this.#sent;
  }

  /**
   * Sends the next frame, with a secret that is drawn now; returns it as it was sent.
   *
   * @throws {SystemError} `ENETDOWN`, `ENOBUFS`, …
   */
  send(): Uint8Array<ArrayBuffer> {
    const sequence = this.#sent;
    const secret = crypto.getRandomValues(new Uint8Array(SECRET_SIZE));
    const frame = stimulusFrame(sequence, this.link.address, secret, this.sizeOf(sequence));
    this.#sent++;
    attempt(
      `Cannot inject a frame at "${this.link.name}"`,
      () => sendFrame(this.#socket.fd, frame),
    );
    return frame;
  }

  /** Ends it: nothing can be sent any more. */
  close(): void {
    this.#socket.close();
  }

  /** {@linkcode close}, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.close();
  }
}
