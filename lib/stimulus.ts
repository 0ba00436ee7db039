/**
 * The stimulus: what a multicast relay meets, marked so that it is known again. Each frame carries this run's nonce and a
 * sequence number; UDP to an IPv4 group, an IGMPv3 membership report and UDP to an IPv6 group take turns.
 *
 * @module
 */

import { attempt, ETH_P_IP, ETH_P_IPV6, type Link, OwnedFd, realtime } from "../ffi/mod.ts";
import { boundPacketSocket, sendFrame } from "./packet_socket.ts";

const NONCE_SIZE = 16;
const MARK_SIZE = NONCE_SIZE + 4;
const PORT = 5004;
const IPPROTO_IGMP = 2;
const IPPROTO_UDP = 17;

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
  const MODE_IS_EXCLUDE = 2;
  const record = [MODE_IS_EXCLUDE, mark.length / 4, ...be16(0), ...GROUP_V4, ...mark];
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
 * @param nonce This run's, 16 bytes.
 * @param sequence 0 to 4294967295; its remainder by 3 says which kind of frame it is.
 * @param source The sender's hardware address, 6 bytes.
 * @param size The frame's length in bytes, if it is to be longer than it would be; what is added is different in each frame.
 */
export function stimulusFrame(
  nonce: Uint8Array,
  sequence: number,
  source: Uint8Array,
  size = 0,
): Uint8Array<ArrayBuffer> {
  const frame = shortFrame(nonce, sequence, source);
  if (frame.length >= size) return frame;
  const long = Uint8Array.from({ length: size }, (_, i) => (sequence * 131 + i * 7) & 0xff);
  long.set(frame);
  return long;
}

function shortFrame(
  nonce: Uint8Array,
  sequence: number,
  source: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const mark = [...nonce, ...be16(sequence >>> 16), ...be16(sequence)];
  switch (sequence % 3) {
    case 1:
      return ethernet(groupMacV4(IGMP_V4), source, ETH_P_IP, igmpReport(mark));
    case 2:
      return ethernet(groupMacV6(GROUP_V6), source, ETH_P_IPV6, udpOverIpv6(mark));
    default:
      return ethernet(groupMacV4(GROUP_V4), source, ETH_P_IP, udpOverIpv4(mark));
  }
}

/** The sequence number of a frame that carries `nonce`; `undefined` for any other frame. */
export function sequenceOf(frame: Uint8Array, nonce: Uint8Array): number | undefined {
  for (let start = 0; start + MARK_SIZE <= frame.length; start++) {
    if (nonce.every((byte, i) => frame[start + i] === byte)) {
      return new DataView(frame.buffer, frame.byteOffset + start + NONCE_SIZE).getUint32(0);
    }
  }
  return undefined;
}

/** Injects marked frames at one interface, and knows when each was sent. */
export class Stimulus implements Disposable {
  readonly #socket: OwnedFd;
  readonly #nonce = crypto.getRandomValues(new Uint8Array(NONCE_SIZE));
  readonly #sentAt: bigint[] = [];

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
    return this.#sentAt.length;
  }

  /**
   * Sends the next frame; returns its sequence number, counted from 0.
   *
   * @throws {SystemError} `ENETDOWN`, `ENOBUFS`, …
   */
  send(): number {
    const sequence = this.#sentAt.length;
    const frame = this.frame(sequence);
    this.#sentAt.push(realtime());
    attempt(
      `Cannot inject a frame at "${this.link.name}"`,
      () => sendFrame(this.#socket.fd, frame),
    );
    return sequence;
  }

  /** The frame of that sequence number, as it is sent. */
  frame(sequence: number): Uint8Array<ArrayBuffer> {
    return stimulusFrame(this.#nonce, sequence, this.link.address, this.sizeOf(sequence));
  }

  /** The sequence number of a frame of this stimulus that has been sent; `undefined` for any other frame. */
  recognize(frame: Uint8Array): number | undefined {
    const sequence = sequenceOf(frame, this.#nonce);
    return sequence !== undefined && sequence < this.sent ? sequence : undefined;
  }

  /** When a frame was sent, in nanoseconds since 1970. */
  sentAt(sequence: number): bigint {
    return this.#sentAt[sequence];
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
