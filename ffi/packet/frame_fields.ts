/**
 * The fields of a frame that a socket filter looks at, by their offsets, and their values in words.
 *
 * @module
 */

import {
  ETH_P_8021AD,
  ETH_P_8021Q,
  ETH_P_ARP,
  ETH_P_IP,
  ETH_P_IPV6,
  IPPROTO_IGMP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SKF_AD_CPU,
  SKF_AD_HATYPE,
  SKF_AD_IFINDEX,
  SKF_AD_MARK,
  SKF_AD_OFF,
  SKF_AD_PAY_OFFSET,
  SKF_AD_PKTTYPE,
  SKF_AD_PROTOCOL,
  SKF_AD_QUEUE,
  SKF_AD_RANDOM,
  SKF_AD_RXHASH,
  SKF_AD_VLAN_TAG,
  SKF_AD_VLAN_TAG_PRESENT,
  SKF_AD_VLAN_TPID,
  SKF_LL_OFF,
  SKF_NET_OFF,
} from "../abi/constants.ts";
import type { Values } from "./bpf_flow.ts";

/** How the values of a field read. */
export type Meaning = "ethertype" | "tag" | "protocol" | "packet type" | "address" | "fragment";

/** A field of a frame. */
export interface FrameField {
  readonly name: string;
  readonly meaning?: Meaning;
}

/** What is known of a frame while a filter looks at it. */
export interface FrameKnowledge {
  /** Its EtherType. */
  readonly ethertypes: Values;
  /** The protocol in its IP packet. */
  readonly protocols: Values;
}

// IEEE 802 numbers, iana.org
const ETHERTYPES = new Map<number, string>([
  [ETH_P_IP, "IPv4"],
  [ETH_P_ARP, "ARP"],
  [ETH_P_IPV6, "IPv6"],
  [ETH_P_8021Q, "802.1Q"],
  [ETH_P_8021AD, "802.1ad"],
  [0x8035, "RARP"],
  [0x8809, "slow protocols"],
  [0x8863, "PPPoE discovery"],
  [0x8864, "PPPoE session"],
  [0x888e, "EAPOL"],
  [0x88cc, "LLDP"],
  [0x88e5, "MACsec"],
  [0x88f7, "PTP"],
  [0x9100, "802.1QinQ"],
]);

// Assigned Internet protocol numbers, iana.org
const SCTP = 132, UDP_LITE = 136;
const PROTOCOLS = new Map<number, string>([
  [1, "ICMP"],
  [IPPROTO_IGMP, "IGMP"],
  [IPPROTO_TCP, "TCP"],
  [IPPROTO_UDP, "UDP"],
  [41, "IPv6"],
  [44, "IPv6 fragment"],
  [47, "GRE"],
  [50, "ESP"],
  [51, "AH"],
  [58, "ICMPv6"],
  [89, "OSPF"],
  [103, "PIM"],
  [112, "VRRP"],
  [SCTP, "SCTP"],
]);
const WITH_PORTS = new Set([IPPROTO_TCP, IPPROTO_UDP, SCTP, UDP_LITE]);

/** `sll_pkttype`: packet(7). */
const PACKET_TYPES = [
  "PACKET_HOST",
  "PACKET_BROADCAST",
  "PACKET_MULTICAST",
  "PACKET_OTHERHOST",
  "PACKET_OUTGOING",
];

const METADATA = new Map<number, FrameField>([
  [SKF_AD_PROTOCOL, { name: "EtherType", meaning: "ethertype" }],
  [SKF_AD_PKTTYPE, { name: "packet type", meaning: "packet type" }],
  [SKF_AD_IFINDEX, { name: "interface index" }],
  [SKF_AD_MARK, { name: "mark" }],
  [SKF_AD_QUEUE, { name: "receive queue" }],
  [SKF_AD_HATYPE, { name: "ARPHRD_ type of the interface" }],
  [SKF_AD_RXHASH, { name: "hash of the flow" }],
  [SKF_AD_CPU, { name: "processor" }],
  [SKF_AD_VLAN_TAG, { name: "VLAN tag" }],
  [SKF_AD_VLAN_TAG_PRESENT, { name: "1 with a VLAN tag" }],
  [SKF_AD_PAY_OFFSET, { name: "offset of the payload" }],
  [SKF_AD_RANDOM, { name: "random number" }],
  [SKF_AD_VLAN_TPID, { name: "EtherType of the VLAN tag", meaning: "tag" }],
]);

/** The EtherTypes behind which a VLAN tag follows. */
const TAGS = new Set([ETH_P_8021Q, ETH_P_8021AD, 0x9100]);

/** The size of an Ethernet header, in bytes. */
const LINK_HEADER = 14;

/** `offset/size` → the field. */
type Fields = Readonly<Record<string, FrameField>>;

const IPV4: Fields = {
  "0/1": { name: "IPv4 version and header length" },
  "1/1": { name: "IPv4 type of service" },
  "2/2": { name: "IPv4 total length" },
  "4/2": { name: "IPv4 identification" },
  "6/2": { name: "IPv4 flags and fragment offset", meaning: "fragment" },
  "8/1": { name: "IPv4 time to live" },
  "9/1": { name: "IPv4 protocol", meaning: "protocol" },
  "10/2": { name: "IPv4 header checksum" },
  "12/4": { name: "IPv4 source", meaning: "address" },
  "16/4": { name: "IPv4 destination", meaning: "address" },
};
const IPV6: Fields = {
  "4/2": { name: "IPv6 payload length" },
  "6/1": { name: "IPv6 next header", meaning: "protocol" },
  "7/1": { name: "IPv6 hop limit" },
};
const ARP: Fields = {
  "6/2": { name: "ARP operation" },
  "14/4": { name: "ARP sender", meaning: "address" },
  "24/4": { name: "ARP target", meaning: "address" },
};
const PORTS: Fields = { "0/2": { name: "source port" }, "2/2": { name: "destination port" } };

/** The only possible value; undefined if there are several. */
function only(values: Values): number | undefined {
  return values?.size === 1 ? [...values][0] : undefined;
}

/** A field of the transport header. */
export function transportField(
  offset: number,
  size: number,
  { protocols }: FrameKnowledge,
): FrameField | undefined {
  if (protocols === undefined || !protocols.isSubsetOf(WITH_PORTS)) return undefined;
  return PORTS[`${offset}/${size}`];
}

/** A field of the network header. */
function networkField(
  offset: number,
  size: number,
  known: FrameKnowledge,
): FrameField | undefined {
  switch (only(known.ethertypes)) {
    case ETH_P_IP:
      return IPV4[`${offset}/${size}`];
    case ETH_P_ARP:
      return ARP[`${offset}/${size}`];
    case ETH_P_IPV6: {
      const end = offset + size;
      if (offset >= 8 && end <= 24) return { name: "IPv6 source, part" };
      if (offset >= 24 && end <= 40) return { name: "IPv6 destination, part" };
      return IPV6[`${offset}/${size}`] ?? transportField(offset - 40, size, known);
    }
    default:
      return undefined;
  }
}

/** A field of an Ethernet frame. */
function linkField(offset: number, size: number, known: FrameKnowledge): FrameField | undefined {
  const end = offset + size;
  if (end <= 6) return { name: "destination MAC address, part" };
  if (offset >= 6 && end <= 12) return { name: "source MAC address, part" };
  if (offset === 12 && size === 2) return { name: "EtherType", meaning: "ethertype" };
  if (known.ethertypes?.isSubsetOf(TAGS)) {
    if (offset === LINK_HEADER && size === 2) return { name: "VLAN tag" };
    if (offset === LINK_HEADER + 2 && size === 2) {
      return { name: "EtherType behind the VLAN tag", meaning: "tag" };
    }
  }
  return networkField(offset - LINK_HEADER, size, known);
}

/** The offset into the network header of an offset of a load; undefined if it is elsewhere. */
export function networkOffset(k: number, isEthernet: boolean): number | undefined {
  const offset = k | 0;
  if (offset >= 0) return isEthernet ? offset - LINK_HEADER : offset;
  if (offset >= SKF_AD_OFF || offset < SKF_NET_OFF) return undefined;
  return offset - SKF_NET_OFF;
}

/**
 * The field that a filter loads. Offsets are those of linux/filter.h: from 0 on in the packet as
 * the socket sees it, and below 0 in its headers and metadata.
 *
 * @param isEthernet Whether the packet begins with an Ethernet header, and not with that of the
 * network.
 */
export function frameField(
  k: number,
  size: number,
  known: FrameKnowledge,
  isEthernet: boolean,
): FrameField | undefined {
  const offset = k | 0;
  if (offset < 0 && offset >= SKF_AD_OFF) return METADATA.get(offset - SKF_AD_OFF);
  if (offset >= 0 && isEthernet) return linkField(offset, size, known);
  if (offset < SKF_NET_OFF) {
    return offset >= SKF_LL_OFF && isEthernet
      ? linkField(offset - SKF_LL_OFF, size, known)
      : undefined;
  }
  return networkField(networkOffset(k, isEthernet)!, size, known);
}

/** A value of a field in words; undefined if there are none for it. */
export function frameValue(meaning: Meaning | undefined, value: number): string | undefined {
  switch (meaning) {
    case "ethertype":
    case "tag":
      return ETHERTYPES.get(value);
    case "protocol":
      return PROTOCOLS.get(value);
    case "packet type":
      return PACKET_TYPES[value];
    case "address":
      return [24, 16, 8, 0].map((shift) => value >>> shift & 0xff).join(".");
    default:
      return undefined;
  }
}
