/**
 * Frames that a relay must not pass on: one of every kind that its worker must distinguish from a
 * datagram to the group, with the reason by which the worker counts it.
 *
 * @module
 */

import { ETH_HLEN, ETH_P_IPV6, IPPROTO_TCP } from "../../../ffi/abi/constants.ts";
import { ipv4Bytes, type Ipv4Endpoint } from "../../../ffi/socket/inet.ts";
import { withHeaderChecksum } from "../../packets/build.ts";
import type { DropReason } from "./datagrams.ts";
import { ipv4GroupHardwareAddress } from "../../packets/headers.ts";

type Frame = Uint8Array<ArrayBuffer>;

/** One kind of frame that a relay must not pass on. */
export interface InvalidFrame {
  readonly name: string;
  /** The reason by which the worker counts it, if it reaches the worker. */
  readonly reason: DropReason;
  /** Whether the socket's filter drops it before it reaches the worker. */
  readonly isFiltered: boolean;
  /** Makes it from a frame with a datagram to the group, which may be overwritten. */
  readonly alter: (frame: Frame, to: Ipv4Endpoint) => Frame;
}

const VLAN_TAG = [0x81, 0x00, 0x00, 0x05]; // IEEE 802.1Q, VLAN 5

/** Returns a function that overwrites bytes of a frame. */
const changed = (offset: number, ...bytes: number[]) => (frame: Frame): Frame => {
  frame.set(bytes, offset);
  return frame;
};

/**
 * Returns a function that overwrites bytes of a frame and corrects the checksum of the IPv4 header,
 * so that only the change is wrong.
 */
const resealed = (offset: number, ...bytes: number[]) => (frame: Frame): Frame => {
  withHeaderChecksum(changed(offset, ...bytes)(frame).subarray(ETH_HLEN));
  return frame;
};

const filtered = { isFiltered: true }, counted = { isFiltered: false };

/** One frame of every kind. */
export const INVALID_FRAMES: readonly InvalidFrame[] = [
  { name: "ARP", reason: "not IPv4", ...filtered, alter: changed(12, 0x08, 0x06) },
  {
    name: "IPv6",
    reason: "not IPv4",
    ...filtered,
    alter: changed(12, ETH_P_IPV6 >> 8, ETH_P_IPV6 & 0xff),
  },
  {
    name: "a frame of a VLAN",
    reason: "not IPv4",
    ...filtered,
    alter: (frame) => Uint8Array.from([...frame.slice(0, 12), ...VLAN_TAG, ...frame.slice(12)]),
  },
  {
    name: "another group",
    reason: "not the group",
    ...filtered,
    alter: (frame, { address }) => {
      const another = ipv4Bytes(address)!;
      another[3] ^= 0x01;
      return changed(0, ...ipv4GroupHardwareAddress(another))(
        resealed(30, ...another)(frame),
      );
    },
  },
  {
    name: "another group with the same hardware address",
    reason: "not the group",
    ...filtered,
    alter: (frame) => resealed(31, frame[31] ^ 0x80)(frame), // RFC 1112, 6.4: 23 bits of 28
  },
  {
    name: "the group, at the hardware address of a single host",
    reason: "not the group",
    ...filtered,
    alter: changed(0, 0x02, 0, 0, 0, 0, 0x02),
  },
  { name: "TCP to the group", reason: "not UDP", ...filtered, alter: resealed(23, IPPROTO_TCP) },
  {
    name: "a frame that ends within the IPv4 header",
    reason: "truncated",
    ...filtered,
    alter: (frame) => frame.slice(0, 30),
  },
  {
    name: "version 6 in an IPv4 header",
    reason: "malformed header",
    ...counted,
    alter: changed(14, 0x65),
  },
  {
    name: "a header of 16 bytes",
    reason: "malformed header",
    ...counted,
    alter: changed(14, 0x44),
  },
  {
    name: "a packet shorter than its header",
    reason: "malformed header",
    ...counted,
    alter: resealed(16, 0, 19),
  },
  {
    name: "a header longer than the frame",
    reason: "truncated",
    ...counted,
    alter: (frame) => changed(14, 0x4f)(frame.slice(0, 60)),
  },
  {
    name: "a packet longer than the frame",
    reason: "truncated",
    ...counted,
    alter: resealed(16, 0xff, 0xff),
  },
  {
    name: "a frame that ends within the datagram",
    reason: "truncated",
    ...counted,
    alter: (frame) => frame.slice(0, 40),
  },
  {
    name: "a wrong header checksum",
    reason: "bad checksum",
    ...counted,
    alter: (frame) => changed(24, frame[24] ^ 0xff)(frame),
  },
  { name: "a first fragment", reason: "fragment", ...counted, alter: resealed(20, 0x20, 0) },
  {
    name: "a fragment in the middle",
    reason: "fragment",
    ...counted,
    alter: resealed(20, 0x20, 1),
  },
  { name: "a last fragment", reason: "fragment", ...counted, alter: resealed(20, 0, 0xb9) },
  {
    name: "a packet without room for a UDP header",
    reason: "malformed UDP",
    ...counted,
    alter: resealed(16, 0, 27),
  },
  {
    name: "a UDP length of 7",
    reason: "malformed UDP",
    ...counted,
    alter: changed(38, 0, 7),
  },
  {
    name: "a UDP length beyond the packet",
    reason: "malformed UDP",
    ...counted,
    alter: changed(38, 0xff, 0xff),
  },
  {
    name: "another port",
    reason: "not the port",
    ...counted,
    alter: (frame) => changed(37, frame[37] ^ 0x01)(frame),
  },
  {
    name: "a wrong UDP checksum",
    reason: "bad UDP checksum",
    ...counted,
    alter: (frame) => changed(40, frame[40] ^ 0x55, frame[41])(frame),
  },
  {
    name: "a changed byte in the payload",
    reason: "bad UDP checksum",
    ...counted,
    alter: (frame) => changed(42, frame[42] ^ 0x01)(frame),
  },
];
