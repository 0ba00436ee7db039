/**
 * The form of an interface's frames: what comes before the IP packet.
 *
 * A packet socket of type SOCK_RAW reads and writes frames as the link has them. Only two forms are
 * known here, and an interface with another one is refused before a run starts.
 *
 * @module
 */

import {
  ARPHRD_ETHER,
  ARPHRD_LOOPBACK,
  ARPHRD_NONE,
  ARPHRD_RAWIP,
  ETH_HLEN,
  ETH_P_8021AD,
  ETH_P_8021Q,
  ETH_P_IP,
  ETH_P_IPV6,
} from "../../ffi/abi/constants.ts";
import { VLAN_TAG_SIZE } from "../../ffi/packet/vlan_tag.ts";
import type { Link } from "../../ffi/socket/rtnetlink.ts";
import { CannotAnswer } from "../evidence/errors.ts";

/** The form of a frame: `ethernet` has a header of 14 bytes, `ip` begins with the IP header. */
export type LinkLayer = "ethernet" | "ip";

/** The known types of interfaces, with the form of their frames. Source: linux/if_arp.h. */
const LAYERS = new Map<number, LinkLayer>([
  [ARPHRD_ETHER, "ethernet"],
  [ARPHRD_LOOPBACK, "ethernet"],
  [ARPHRD_NONE, "ip"],
  [ARPHRD_RAWIP, "ip"],
]);

/** An interface whose frames can be built and read here. */
export interface Interface extends Link {
  readonly layer: LinkLayer;
}

/**
 * Returns an interface with the form of its frames.
 *
 * @throws {CannotAnswer} If that form is not known here.
 */
export function asInterface(link: Link): Interface {
  const layer = LAYERS.get(link.type);
  if (layer === undefined) {
    throw new CannotAnswer(
      `"${link.name}" has frames that fdpass cannot read: its link type (ARPHRD) is ${link.type}`,
      "Choose an Ethernet interface, or one whose frames are bare IP packets, such as a tun",
    );
  }
  return { ...link, layer };
}

/** The length of the header before the packet, in bytes. */
export const LINK_HEADER: Readonly<Record<LinkLayer, number>> = { ethernet: ETH_HLEN, ip: 0 };

/** One end of a link, as far as its frames depend on it. */
export interface LinkEnd {
  readonly layer: LinkLayer;
  /** Its hardware address: 6 bytes on Ethernet. */
  readonly address: Uint8Array;
  /** The longest packet, in bytes, without the link-layer header. */
  readonly mtu: number;
}

/** The longest IPv4 packet, in bytes; the MTU of the loopback interface is larger. RFC 791, 3.1. */
const LONGEST_IP = 0xffff;

/**
 * Returns the longest frame with an IPv4 packet that crosses a link, in bytes.
 *
 * @param ends The ends, each with a limit of its own.
 */
export function longestFrame(...ends: readonly Pick<LinkEnd, "layer" | "mtu">[]): number {
  return Math.min(...ends.map(({ layer, mtu }) => LINK_HEADER[layer] + Math.min(mtu, LONGEST_IP)));
}

/**
 * The size of a buffer for one frame, in bytes: an IP packet of 64 KiB with its headers, whatever
 * the MTU, because the kernel joins packets into longer ones (GSO and GRO), and an MTU can change.
 * A longer frame is cut.
 *
 * It is an odd number of cache lines, so that the beginnings of adjacent frames do not compete for
 * the same sets of a cache.
 */
export const FRAME_ROOM = (1 << 16) + 192;

/**
 * Returns whether a frame is longer than its link can carry: the kernel or the network card has
 * joined several packets into one (GSO, GRO).
 *
 * @param bytes Its length.
 * @param tags The number of its VLAN tags, which do not count.
 * @param link The link that it came by.
 */
export function isSuperPacket(
  bytes: number,
  tags: number,
  link: Pick<LinkEnd, "layer" | "mtu">,
): boolean {
  return bytes > longestFrame(link) + tags * VLAN_TAG_SIZE;
}

/** Where the packet in a frame begins, and what it is. */
export interface PacketPlace {
  /** The EtherType of the packet, within VLAN tags. */
  readonly etherType: number;
  /** The offset of the packet, in bytes. */
  readonly start: number;
  /** The numbers of the VLANs, the outer one first. */
  readonly vlans: readonly number[];
}

/** The bits of a VLAN tag that number the VLAN; 0 is a priority alone. Source: IEEE 802.1Q, 9.6. */
export const VLAN_ID = 0x0fff;

const isTag = (etherType: number) => etherType === ETH_P_8021Q || etherType === ETH_P_8021AD;

/**
 * Finds the packet in a frame.
 *
 * @param frame Its beginning is enough.
 * @returns `undefined` if the frame ends before the packet begins, or is neither IPv4 nor IPv6 on a
 *   link that carries nothing else.
 */
export function findPacket(frame: Uint8Array, layer: LinkLayer): PacketPlace | undefined {
  if (layer === "ip") {
    const etherType = frame.length === 0 ? undefined : IP_VERSIONS.get(frame[0] >> 4);
    return etherType === undefined ? undefined : { etherType, start: 0, vlans: [] };
  }
  if (frame.length < ETH_HLEN) return undefined;
  const word = (offset: number) => frame[offset] << 8 | frame[offset + 1];
  const vlans: number[] = [];
  let start = ETH_HLEN;
  while (isTag(word(start - 2))) {
    if (frame.length < start + VLAN_TAG_SIZE) return undefined;
    vlans.push(word(start) & VLAN_ID);
    start += VLAN_TAG_SIZE;
  }
  return { etherType: word(start - 2), start, vlans };
}

const IP_VERSIONS = new Map([[4, ETH_P_IP], [6, ETH_P_IPV6]]);
