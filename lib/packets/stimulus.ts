/**
 * The stimulus: frames of the kinds that a multicast relay meets. UDP to an IPv4 group, an IGMPv3
 * membership report and UDP to an IPv6 group take turns.
 *
 * Each frame carries a secret directly behind the end of its IP packet, drawn when the frame is
 * sent. The IP layer cuts it off, so only a packet socket reads it; a socket that joins the group
 * learns the frame's number and nothing else. Source: ip_rcv_core in net/ipv4/ip_input.c.
 *
 * @module
 */

import {
  ETH_P_IP,
  ETH_P_IPV6,
  IGMPV3_MODE_IS_EXCLUDE,
  IPPROTO_IGMP,
} from "../../ffi/abi/constants.ts";
import { attempt } from "../../ffi/abi/errno.ts";
import type { OwnedFd } from "../../ffi/process/descriptor.ts";
import {
  be16,
  internetChecksum,
  ipv4Packet,
  linkFrame,
  udpOverIpv4,
  udpOverIpv6,
} from "./build.ts";
import { endOfPacket } from "./frames.ts";
import { ipv4GroupHardwareAddress, ipv6GroupHardwareAddress, ROUTER_ALERT } from "./headers.ts";
import { type Interface, LINK_HEADER, type LinkEnd, type LinkLayer } from "./link_layer.ts";
import { sendFrame } from "./send.ts";
import { boundPacketSocket } from "./socket.ts";

/** The length of a secret, in bytes. */
export const SECRET_SIZE = 16;
const PORT = 5004;

/** The destinations of the stimulus. */
export const STIMULUS_GROUPS = {
  /** Of site-local scope. Source: RFC 2365. */
  ipv4: [239, 255, 70, 68],
  /** Where version 3 reports go. Source: RFC 3376, 4.2.14. */
  igmp: [224, 0, 0, 22],
  /** A transient group of site-local scope. Source: RFC 4291, 2.7. */
  ipv6: [0xff, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x46, 0x44],
} as const;
const { ipv4: GROUP_V4, igmp: IGMP_V4, ipv6: GROUP_V6 } = STIMULUS_GROUPS;

/**
 * Builds an IGMPv3 report with one group record. The number is the record's auxiliary data, which
 * receivers ignore. Source: RFC 3376, 4.2 and 4.2.6.
 */
function igmpReport(number: readonly number[]): Uint8Array<ArrayBuffer> {
  const record = [IGMPV3_MODE_IS_EXCLUDE, number.length / 4, ...be16(0), ...GROUP_V4, ...number];
  const report = Uint8Array.of(0x22, 0, ...be16(0), ...be16(0), ...be16(1), ...record);
  report.set(be16(internetChecksum(report)), 2);
  return ipv4Packet({
    protocol: IPPROTO_IGMP,
    destination: IGMP_V4,
    options: ROUTER_ALERT,
    payload: report,
  });
}

/**
 * Builds one frame of the stimulus.
 *
 * @param sequence 0 to 4294967295; its remainder by 3 decides the kind of frame.
 * @param sender The sender's end of the link.
 * @param secret 16 bytes, which follow the IP packet.
 * @param size The least length of the frame, in bytes. Padding follows the secret, and differs from
 *   frame to frame.
 */
export function stimulusFrame(
  sequence: number,
  sender: Sender,
  secret: Uint8Array,
  size = 0,
): Uint8Array<ArrayBuffer> {
  const packet = frameWithoutSecret(sequence, sender);
  const shortest = packet.length + SECRET_SIZE;
  const frame = Uint8Array.from(
    { length: Math.max(shortest, size) },
    (_, i) => (sequence * 131 + i * 7) & 0xff,
  );
  frame.set(packet);
  frame.set(secret, packet.length);
  return frame;
}

function frameWithoutSecret(sequence: number, sender: Sender): Uint8Array<ArrayBuffer> {
  const payload = [...be16(sequence >>> 16), ...be16(sequence)];
  const inFrame = (hardwareAddress: number[], etherType: number, packet: Uint8Array) =>
    linkFrame(sender, hardwareAddress, etherType, packet);
  switch (sequence % 3) {
    case 1:
      return inFrame(ipv4GroupHardwareAddress(IGMP_V4), ETH_P_IP, igmpReport(payload));
    case 2: {
      const packet = udpOverIpv6({ destination: GROUP_V6, port: PORT, payload });
      return inFrame(ipv6GroupHardwareAddress(GROUP_V6), ETH_P_IPV6, packet);
    }
    default: {
      const packet = udpOverIpv4({ destination: GROUP_V4, port: PORT, payload });
      return inFrame(ipv4GroupHardwareAddress(GROUP_V4), ETH_P_IP, packet);
    }
  }
}

/**
 * Reads the bytes in the place of a secret.
 *
 * @param frame Its first 256 bytes are enough for a frame of the stimulus.
 * @returns Hexadecimal digits; `undefined` for a frame that ends before.
 */
export function secretOf(frame: Uint8Array, layer: LinkLayer): string | undefined {
  const end = endOfPacket(frame, layer);
  if (end === undefined || frame.length < end + SECRET_SIZE) return undefined;
  return frame.subarray(end, end + SECRET_SIZE).toHex();
}

/** Whether a frame holds an IP packet of the stimulus, whatever follows the packet. */
export function holdsStimulus(frame: Uint8Array, layer: LinkLayer): boolean {
  const end = endOfPacket(frame, layer);
  if (end === undefined || end > frame.length) return false;
  if (!PACKET_LENGTHS.has(end - LINK_HEADER[layer])) return false;
  const sequence = new DataView(frame.buffer, frame.byteOffset + end - 4).getUint32(0);
  const packet = frameWithoutSecret(sequence, { layer, address: frame.subarray(6, 12) });
  return packet.length === end && packet.every((byte, i) => byte === frame[i]);
}

/** The lengths of the packets of the three kinds, in bytes, without a link-layer header. */
const PACKET_LENGTHS: ReadonlySet<number> = new Set(
  [0, 1, 2].map((sequence) =>
    frameWithoutSecret(sequence, { layer: "ip", address: new Uint8Array() }).length
  ),
);

/** The sender of a frame: its end of the link. */
type Sender = Pick<LinkEnd, "layer" | "address">;

/** Injects frames of the stimulus at one interface. */
export class Stimulus implements Disposable {
  readonly #socket: OwnedFd;
  #sent = 0;

  /**
   * @param link Where to inject: the peer of the interface under test, or what leads there.
   * @param sizeOf The least length of a frame by its sequence number, in bytes.
   * @throws {SystemError} If the packet socket cannot be opened or bound there.
   */
  constructor(readonly link: Interface, readonly sizeOf: (sequence: number) => number = () => 0) {
    this.#socket = boundPacketSocket(link.ifindex, 0); // protocol 0: it only sends
  }

  /** How many frames have been sent. */
  get sent(): number {
    return this.#sent;
  }

  /**
   * Sends the next frame, with a new secret.
   *
   * @returns The frame as it was sent.
   * @throws {SystemError} `ENETDOWN`; `ENOBUFS` if there is no room for half a second; …
   */
  send(): Uint8Array<ArrayBuffer> {
    const sequence = this.#sent;
    const secret = crypto.getRandomValues(new Uint8Array(SECRET_SIZE));
    const frame = stimulusFrame(sequence, this.link, secret, this.sizeOf(sequence));
    this.#sent++;
    attempt(
      `Cannot inject a frame at "${this.link.name}"`,
      () => sendFrame(this.#socket.fd, frame),
    );
    return frame;
  }

  /** Closes the socket: nothing can be sent any more. */
  close(): void {
    this.#socket.close();
  }

  /** {@linkcode close}, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.close();
  }
}
