/**
 * Socket filters, as programs of classic BPF for `attachFilter`: a frame that a worker does not
 * need does not reach it. A relay's worker needs one group; where every frame of the stimulus must
 * arrive, a worker needs its groups; any other worker needs all multicast.
 *
 * Each filter drops what this machine itself sends. PACKET_IGNORE_OUTGOING would do that for a
 * single socket, but the kernel ignores that option for a member of a fanout group, and a pinned
 * socket is a member (dev_queue_xmit_nit in net/core/dev.c asks the group's hook).
 *
 * @module
 */

import {
  ETH_HLEN,
  ETH_P_IP,
  ETH_P_IPV6,
  IPPROTO_UDP,
  PACKET_OUTGOING,
  SKF_AD_OFF,
  SKF_AD_PKTTYPE,
  SKF_AD_PROTOCOL,
  SKF_AD_VLAN_TAG,
  SKF_NET_OFF,
} from "../../ffi/abi/constants.ts";
import {
  assemble,
  bpfAnd,
  bpfJumpAnySet,
  bpfJumpEqual,
  bpfLoad,
  bpfReturn,
} from "../../ffi/packet/bpf.ts";
import { ipv4Bytes } from "../../ffi/socket/inet.ts";
import {
  ETHERNET_TYPE,
  IPV4_DESTINATION,
  IPV4_PROTOCOL,
  ipv4GroupHardwareAddress,
  IPV6_DESTINATION,
} from "./headers.ts";
import { type LinkLayer, VLAN_ID } from "./link_layer.ts";
import { STIMULUS_GROUPS } from "./stimulus.ts";

/** The bit of a hardware address's first byte that a group has set. Source: IEEE 802.3, 3.2.3. */
const GROUP_BIT = 0x01;

/** The result of a filter that keeps the frame whole, whatever its length. */
const WHOLE_FRAME = 0x40000;

/**
 * Returns the filter that passes IPv4 and IPv6 to any group.
 *
 * @param layer The form of the frames. On Ethernet, the hardware address decides.
 */
export function multicastFilter(layer: LinkLayer): Uint8Array<ArrayBuffer> {
  if (layer === "ip") return multicastPacketFilter();
  return assemble([
    bpfLoad(SKF_AD_OFF + SKF_AD_PKTTYPE),
    bpfJumpEqual(PACKET_OUTGOING, 6, 0), // sent by this machine: drop
    bpfLoad(0, 1),
    bpfJumpAnySet(GROUP_BIT, 0, 4), // not to a group: drop
    bpfLoad(ETHERNET_TYPE, 2),
    bpfJumpEqual(ETH_P_IP, 1, 0),
    bpfJumpEqual(ETH_P_IPV6, 0, 1), // neither: drop
    bpfReturn(WHOLE_FRAME),
    bpfReturn(0),
  ]);
}

/** The filter for packets without a header before them: the IP destination decides. */
function multicastPacketFilter(): Uint8Array<ArrayBuffer> {
  return assemble([
    bpfLoad(SKF_AD_OFF + SKF_AD_PKTTYPE),
    bpfJumpEqual(PACKET_OUTGOING, 10, 0),
    bpfLoad(0, 1),
    bpfAnd(0xf0),
    bpfJumpEqual(0x40, 0, 3), // not IPv4
    bpfLoad(IPV4_DESTINATION, 1),
    bpfAnd(0xf0),
    bpfJumpEqual(0xe0, 3, 4), // 224.0.0.0/4: RFC 5771
    bpfJumpEqual(0x60, 0, 3), // neither: drop
    bpfLoad(IPV6_DESTINATION, 1),
    bpfJumpEqual(0xff, 0, 1), // ff00::/8: RFC 4291, 2.7
    bpfReturn(WHOLE_FRAME),
    bpfReturn(0),
  ]);
}

/**
 * Returns the filter that passes the kinds of packets that a stimulus has: UDP to its IPv4 group,
 * IGMP reports, and UDP to its IPv6 group. So a flood of others does not fill the socket's buffer.
 *
 * It reads the packet from the network header on, so it is the same for every form of frame.
 */
export function stimulusFilter(): Uint8Array<ArrayBuffer> {
  const word = (offset: number) => loaded(STIMULUS_GROUPS.ipv6, offset, 4);
  return assemble([
    bpfLoad(SKF_AD_OFF + SKF_AD_PKTTYPE),
    bpfJumpEqual(PACKET_OUTGOING, 15, 0),
    bpfLoad(SKF_AD_OFF + SKF_AD_PROTOCOL),
    bpfJumpEqual(ETH_P_IP, 0, 3),
    bpfLoad(SKF_NET_OFF + IPV4_DESTINATION, 4),
    bpfJumpEqual(loaded(STIMULUS_GROUPS.ipv4, 0, 4), 10, 0),
    bpfJumpEqual(loaded(STIMULUS_GROUPS.igmp, 0, 4), 9, 10),
    bpfJumpEqual(ETH_P_IPV6, 0, 9),
    bpfLoad(SKF_NET_OFF + IPV6_DESTINATION, 4),
    bpfJumpEqual(word(0), 0, 7),
    bpfLoad(SKF_NET_OFF + IPV6_DESTINATION + 4, 4),
    bpfJumpEqual(word(4), 0, 5),
    bpfLoad(SKF_NET_OFF + IPV6_DESTINATION + 8, 4),
    bpfJumpEqual(word(8), 0, 3),
    bpfLoad(SKF_NET_OFF + IPV6_DESTINATION + 12, 4),
    bpfJumpEqual(word(12), 0, 1),
    bpfReturn(WHOLE_FRAME),
    bpfReturn(0),
  ]);
}

/**
 * Returns the filter that passes UDP over IPv4 to one group.
 *
 * Fragments to the group pass, and so do frames that are malformed further on: the worker counts
 * them by reason. The port is not compared: an IPv4 header varies in length, so finding the port
 * would take a second load. A frame of a VLAN belongs to another network and is dropped. The kernel
 * takes the tag out of the frame before a packet socket sees it, so the filter asks the kernel for
 * the tag (SKF_AD_VLAN_TAG).
 *
 * @param group An IPv4 address.
 * @param layer The form of the frames.
 */
export function groupFilter(group: string, layer: LinkLayer): Uint8Array<ArrayBuffer> {
  const address = ipv4Bytes(group)!;
  if (layer === "ip") return groupPacketFilter(address);
  const hardware = ipv4GroupHardwareAddress(address);
  return assemble([
    bpfLoad(SKF_AD_OFF + SKF_AD_PKTTYPE),
    bpfJumpEqual(PACKET_OUTGOING, 13, 0),
    bpfLoad(SKF_AD_OFF + SKF_AD_VLAN_TAG),
    bpfJumpAnySet(VLAN_ID, 11, 0),
    bpfLoad(0, 4),
    bpfJumpEqual(loaded(hardware, 0, 4), 0, 9),
    bpfLoad(4, 2),
    bpfJumpEqual(loaded(hardware, 4, 2), 0, 7),
    bpfLoad(ETHERNET_TYPE, 2),
    bpfJumpEqual(ETH_P_IP, 0, 5),
    bpfLoad(ETH_HLEN + IPV4_PROTOCOL, 1),
    bpfJumpEqual(IPPROTO_UDP, 0, 3),
    bpfLoad(ETH_HLEN + IPV4_DESTINATION, 4),
    bpfJumpEqual(loaded(address, 0, 4), 0, 1),
    bpfReturn(WHOLE_FRAME),
    bpfReturn(0),
  ]);
}

/** The filter for packets without a header before them, which are in no VLAN. */
function groupPacketFilter(address: Uint8Array): Uint8Array<ArrayBuffer> {
  return assemble([
    bpfLoad(SKF_AD_OFF + SKF_AD_PKTTYPE),
    bpfJumpEqual(PACKET_OUTGOING, 8, 0),
    bpfLoad(0, 1),
    bpfAnd(0xf0),
    bpfJumpEqual(0x40, 0, 5),
    bpfLoad(IPV4_PROTOCOL, 1),
    bpfJumpEqual(IPPROTO_UDP, 0, 3),
    bpfLoad(IPV4_DESTINATION, 4),
    bpfJumpEqual(loaded(address, 0, 4), 0, 1),
    bpfReturn(WHOLE_FRAME),
    bpfReturn(0),
  ]);
}

/** Returns `size` bytes from `start` on as the number that a BPF program loads. */
function loaded(bytes: ArrayLike<number>, start: number, size: number): number {
  let value = 0;
  for (let i = start; i < start + size; i++) value = value * 256 + bytes[i];
  return value;
}
