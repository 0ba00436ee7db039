/**
 * Frames that a relay must not pass on: one of every kind that its worker must tell from a datagram
 * to the group, with the reason by which the worker counts it.
 *
 * @module
 */

import { ETH_HLEN, ETH_P_IPV6, IPPROTO_TCP } from "../../../ffi/abi/constants.ts";
import { ipv4Bytes, type Ipv4Endpoint } from "../../../ffi/socket/inet.ts";
import { withHeaderChecksum } from "../../packets/build.ts";
import type { DropReason } from "../../packets/datagrams.ts";
import { ipv4GroupHardwareAddress } from "../../packets/headers.ts";

type Frame = Uint8Array<ArrayBuffer>;

/** One kind of frame that a relay must not pass on. */
export interface InvalidFrame {
  readonly what: string;
  /** The reason by which the worker counts it, if it gets there. */
  readonly reason: DropReason;
  /** Whether the socket's filter drops it before it reaches the worker. */
  readonly isFiltered: boolean;
  /** Makes it from a frame with a datagram to the group, which may be overwritten. */
  readonly alter: (frame: Frame, to: Ipv4Endpoint) => Frame;
}

const VLAN_TAG = [0x81, 0x00, 0x00, 0x05]; // IEEE 802.1Q, VLAN 5

/** Overwrites bytes of a frame. */
const changed = (offset: number, ...bytes: number[]) => (frame: Frame): Frame => {
  frame.set(bytes, offset);
  return frame;
};

/** The same, with a right checksum of the IPv4 header, so that only the change is wrong. */
const resealed = (offset: number, ...bytes: number[]) => (frame: Frame): Frame => {
  withHeaderChecksum(changed(offset, ...bytes)(frame).subarray(ETH_HLEN));
  return frame;
};

const kept = { isFiltered: true }, counted = { isFiltered: false };

/** Every kind. */
export const INVALID_FRAMES: readonly InvalidFrame[] = [
  { what: "ARP", reason: "not IPv4", ...kept, alter: changed(12, 0x08, 0x06) },
  {
    what: "IPv6",
    reason: "not IPv4",
    ...kept,
    alter: changed(12, ETH_P_IPV6 >> 8, ETH_P_IPV6 & 0xff),
  },
  {
    what: "a frame of a VLAN",
    reason: "not IPv4",
    ...kept,
    alter: (frame) => Uint8Array.from([...frame.slice(0, 12), ...VLAN_TAG, ...frame.slice(12)]),
  },
  {
    what: "another group",
    reason: "not the group",
    ...kept,
    alter: (frame, { address }) => {
      const another = ipv4Bytes(address)!;
      another[3] ^= 0x01;
      return changed(0, ...ipv4GroupHardwareAddress(another))(
        resealed(30, ...another)(frame),
      );
    },
  },
  {
    what: "another group with the same hardware address",
    reason: "not the group",
    ...kept,
    alter: (frame) => resealed(31, frame[31] ^ 0x80)(frame), // RFC 1112, 6.4: 23 bits of 28
  },
  {
    what: "the group, at the hardware address of a single host",
    reason: "not the group",
    ...kept,
    alter: changed(0, 0x02, 0, 0, 0, 0, 0x02),
  },
  { what: "TCP to the group", reason: "not UDP", ...kept, alter: resealed(23, IPPROTO_TCP) },
  {
    what: "a frame that ends within the IPv4 header",
    reason: "truncated",
    ...kept,
    alter: (frame) => frame.slice(0, 30),
  },
  {
    what: "version 6 in an IPv4 header",
    reason: "malformed header",
    ...counted,
    alter: changed(14, 0x65),
  },
  {
    what: "a header of 16 bytes",
    reason: "malformed header",
    ...counted,
    alter: changed(14, 0x44),
  },
  {
    what: "a packet shorter than its header",
    reason: "malformed header",
    ...counted,
    alter: resealed(16, 0, 19),
  },
  {
    what: "a header longer than the frame",
    reason: "truncated",
    ...counted,
    alter: (frame) => changed(14, 0x4f)(frame.slice(0, 60)),
  },
  {
    what: "a packet longer than the frame",
    reason: "truncated",
    ...counted,
    alter: resealed(16, 0xff, 0xff),
  },
  {
    what: "a frame that ends within the datagram",
    reason: "truncated",
    ...counted,
    alter: (frame) => frame.slice(0, 40),
  },
  {
    what: "a wrong header checksum",
    reason: "bad checksum",
    ...counted,
    alter: (frame) => changed(24, frame[24] ^ 0xff)(frame),
  },
  { what: "a first fragment", reason: "fragment", ...counted, alter: resealed(20, 0x20, 0) },
  {
    what: "a fragment in the middle",
    reason: "fragment",
    ...counted,
    alter: resealed(20, 0x20, 1),
  },
  { what: "a last fragment", reason: "fragment", ...counted, alter: resealed(20, 0, 0xb9) },
  {
    what: "a packet without room for a UDP header",
    reason: "malformed UDP",
    ...counted,
    alter: resealed(16, 0, 27),
  },
  {
    what: "a UDP length of 7",
    reason: "malformed UDP",
    ...counted,
    alter: changed(38, 0, 7),
  },
  {
    what: "a UDP length beyond the packet",
    reason: "malformed UDP",
    ...counted,
    alter: changed(38, 0xff, 0xff),
  },
  {
    what: "another port",
    reason: "not the port",
    ...counted,
    alter: (frame) => changed(37, frame[37] ^ 0x01)(frame),
  },
  {
    what: "a wrong UDP checksum",
    reason: "bad UDP checksum",
    ...counted,
    alter: (frame) => changed(40, frame[40] ^ 0x55, frame[41])(frame),
  },
  {
    what: "a changed byte in the payload",
    reason: "bad UDP checksum",
    ...counted,
    alter: (frame) => changed(42, frame[42] ^ 0x01)(frame),
  },
];
