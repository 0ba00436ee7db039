/**
 * Frames that a relay must not pass on: one of every kind that its worker must distinguish from a
 * datagram to the group, with the reason by which the worker counts it.
 *
 * @module
 */

import { ETH_P_ARP, ETH_P_IPV6, IPPROTO_TCP } from "../../../ffi/abi/constants.ts";
import { ipv4Bytes, type Ipv4Flow } from "../../../ffi/socket/inet.ts";
import { be16, withHeaderChecksum } from "../../packets/build.ts";
import {
  ETHERNET_TYPE,
  IPV4_CHECKSUM,
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
import { LINK_HEADER, type LinkLayer } from "../../packets/link_layer.ts";
import type { DropReason } from "./datagrams.ts";

type Frame = Uint8Array<ArrayBuffer>;

/** One kind of frame that a relay must not pass on. */
export interface InvalidFrame {
  readonly name: string;
  /** The reason by which the worker counts it, if it reaches the worker. */
  readonly reason: DropReason;
  /** Whether the socket's filter drops it before it reaches the worker. */
  readonly isFiltered: boolean;
  /** Makes it from a frame with a datagram to the group, which may be overwritten. */
  readonly alter: (frame: Frame, to: Ipv4Flow) => Frame;
}

const VLAN_TAG = [0x81, 0x00, 0x00, 0x05]; // IEEE 802.1Q, VLAN 5

/** Returns a function that overwrites bytes of a frame. */
const changed = (offset: number, ...bytes: number[]) => (frame: Frame): Frame => {
  frame.set(bytes, offset);
  return frame;
};

/** Returns a function that inverts bits of one byte of a frame. */
const inverted = (offset: number, bits: number) => (frame: Frame): Frame =>
  changed(offset, frame[offset] ^ bits)(frame);

const filtered = { isFiltered: true }, counted = { isFiltered: false };

/**
 * Returns one frame of every kind that there can be.
 *
 * @param layer The form of the frames.
 * @param hasSource Whether the relay serves one source alone.
 */
export function invalidFrames(layer: LinkLayer, hasSource = false): readonly InvalidFrame[] {
  const ofLink = layer === "ethernet" ? ETHERNET_FRAMES : BARE_PACKETS;
  const ip = LINK_HEADER[layer];
  const packets = [otherDestinations, wrongLengths, wrongPackets, wrongDatagrams]
    .flatMap((kinds) => kinds(ip));
  const ofSource = packets.filter(({ reason }) => hasSource || reason !== "not the source");
  return [...ofLink, ...ofSource];
}

/** The kinds for which an Ethernet header is needed. */
const ETHERNET_FRAMES: readonly InvalidFrame[] = [
  {
    name: "ARP",
    reason: "not IPv4",
    ...filtered,
    alter: changed(ETHERNET_TYPE, ...be16(ETH_P_ARP)),
  },
  {
    name: "IPv6",
    reason: "not IPv4",
    ...filtered,
    alter: changed(ETHERNET_TYPE, ...be16(ETH_P_IPV6)),
  },
  {
    name: "a frame of a VLAN",
    reason: "not IPv4",
    ...filtered,
    alter: (frame) => Uint8Array.from([...frame.slice(0, 12), ...VLAN_TAG, ...frame.slice(12)]),
  },
  {
    name: "the group, at the hardware address of a single host",
    reason: "not the group",
    ...filtered,
    alter: changed(0, 0x02, 0, 0, 0, 0, 0x02),
  },
  {
    name: "version 6 in an IPv4 header",
    reason: "malformed header",
    ...counted,
    alter: changed(LINK_HEADER.ethernet, 0x65),
  },
];

/** The kinds on a link without a header, where the version of the packet decides. */
const BARE_PACKETS: readonly InvalidFrame[] = [
  { name: "IPv6", reason: "not IPv4", ...filtered, alter: changed(LINK_HEADER.ip, 0x65) },
];

/**
 * Returns a function that overwrites bytes of a frame and corrects the checksum of the IPv4 header,
 * so that only the change is wrong.
 *
 * @param ip The offset of the packet in a frame.
 */
const resealing = (ip: number) => (offset: number, ...bytes: number[]) => (frame: Frame): Frame => {
  withHeaderChecksum(changed(offset, ...bytes)(frame).subarray(ip));
  return frame;
};

/** Returns packets that are to others, or not UDP: the filter drops them. */
function otherDestinations(ip: number): readonly InvalidFrame[] {
  const resealed = resealing(ip);
  return [
    {
      name: "another group",
      reason: "not the group",
      ...filtered,
      alter: (frame, { address }) => {
        const another = ipv4Bytes(address)!;
        another[3] ^= 0x01;
        if (ip > 0) changed(0, ...ipv4GroupHardwareAddress(another))(frame);
        return resealed(ip + IPV4_DESTINATION, ...another)(frame);
      },
    },
    {
      name: "another group with the same hardware address",
      reason: "not the group",
      ...filtered,
      // RFC 1112, 6.4: 23 bits of 28
      alter: (frame) =>
        resealed(ip + IPV4_DESTINATION + 1, frame[ip + IPV4_DESTINATION + 1] ^ 0x80)(frame),
    },
    {
      name: "another source",
      reason: "not the source",
      ...filtered,
      alter: (frame) => resealed(ip + IPV4_SOURCE + 3, frame[ip + IPV4_SOURCE + 3] ^ 0x01)(frame),
    },
    {
      name: "TCP to the group",
      reason: "not UDP",
      ...filtered,
      alter: resealed(ip + IPV4_PROTOCOL, IPPROTO_TCP),
    },
    {
      name: "a frame that ends within the IPv4 header",
      reason: "truncated",
      ...filtered,
      alter: (frame) => frame.slice(0, ip + IPV4_DESTINATION),
    },
  ];
}

/** Returns packets whose lengths contradict each other, or the frame. */
function wrongLengths(ip: number): readonly InvalidFrame[] {
  const resealed = resealing(ip);
  return [
    {
      name: "a header of 16 bytes",
      reason: "malformed header",
      ...counted,
      alter: changed(ip, 0x44),
    },
    {
      name: "a packet shorter than its header",
      reason: "malformed header",
      ...counted,
      alter: resealed(ip + IPV4_TOTAL_LENGTH, 0, 19),
    },
    {
      name: "a header longer than the frame",
      reason: "truncated",
      ...counted,
      alter: (frame) => changed(ip, 0x4f)(frame.slice(0, ip + 46)),
    },
    {
      name: "a packet longer than the frame",
      reason: "truncated",
      ...counted,
      alter: resealed(ip + IPV4_TOTAL_LENGTH, 0xff, 0xff),
    },
    {
      name: "a frame that ends within the datagram",
      reason: "truncated",
      ...counted,
      alter: (frame) => frame.slice(0, ip + 26),
    },
  ];
}

/** Returns packets with a wrong checksum, and fragments. */
function wrongPackets(ip: number): readonly InvalidFrame[] {
  const resealed = resealing(ip);
  return [
    {
      name: "a wrong header checksum",
      reason: "bad checksum",
      ...counted,
      alter: inverted(ip + IPV4_CHECKSUM, 0xff),
    },
    {
      name: "a first fragment",
      reason: "fragment",
      ...counted,
      alter: resealed(ip + IPV4_FRAGMENT, 0x20, 0),
    },
    {
      name: "a fragment in the middle",
      reason: "fragment",
      ...counted,
      alter: resealed(ip + IPV4_FRAGMENT, 0x20, 1),
    },
    {
      name: "a last fragment",
      reason: "fragment",
      ...counted,
      alter: resealed(ip + IPV4_FRAGMENT, 0, 0xb9),
    },
  ];
}

/** Returns packets that are correct, with a UDP datagram that is not. */
function wrongDatagrams(ip: number): readonly InvalidFrame[] {
  const resealed = resealing(ip);
  const udp = ip + IPV4_HEADER;
  return [
    {
      name: "a packet without room for a UDP header",
      reason: "malformed UDP",
      ...counted,
      alter: resealed(ip + IPV4_TOTAL_LENGTH, 0, 27),
    },
    {
      name: "a UDP length of 7",
      reason: "malformed UDP",
      ...counted,
      alter: changed(udp + UDP_LENGTH, 0, 7),
    },
    {
      name: "a UDP length beyond the packet",
      reason: "malformed UDP",
      ...counted,
      alter: changed(udp + UDP_LENGTH, 0xff, 0xff),
    },
    {
      name: "another port",
      reason: "not the port",
      ...counted,
      alter: inverted(udp + UDP_DESTINATION_PORT + 1, 0x01),
    },
    {
      name: "a wrong UDP checksum",
      reason: "bad UDP checksum",
      ...counted,
      alter: inverted(udp + UDP_CHECKSUM, 0x55),
    },
    {
      name: "a changed byte in the payload",
      reason: "bad UDP checksum",
      ...counted,
      alter: inverted(udp + UDP_HEADER, 0x01),
    },
  ];
}
