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
  type BpfInstruction,
  bpfJumpAnySet,
  bpfJumpEqual,
  bpfLoad,
  bpfReturn,
} from "../../ffi/packet/bpf.ts";
import { ipv4Bytes, type Ipv4Flow } from "../../ffi/socket/inet.ts";
import {
  ETHERNET_TYPE,
  IPV4_DESTINATION,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  ipv4GroupHardwareAddress,
  IPV6_DESTINATION,
} from "./headers.ts";
import { LINK_HEADER, type LinkLayer, VLAN_ID } from "./link_layer.ts";
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
 * Returns the filter that passes every IPv4 packet to one group that arrives, whatever else is in
 * the frame: for a witness of what {@linkcode groupFilter} should pass.
 *
 * @param group An IPv4 address.
 */
export function destinationFilter(group: string): Uint8Array<ArrayBuffer> {
  return dropUnless([
    NOT_OUTGOING,
    {
      load: [bpfLoad(SKF_NET_OFF + IPV4_DESTINATION, 4)],
      jump: (drop) => bpfJumpEqual(loaded(ipv4Bytes(group)!), 0, drop),
    },
  ]);
}

/** Returns the filter that passes what this machine itself sends. */
export function outgoingFilter(): Uint8Array<ArrayBuffer> {
  return assemble([
    bpfLoad(SKF_AD_OFF + SKF_AD_PKTTYPE),
    bpfJumpEqual(PACKET_OUTGOING, 0, 1),
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
  const word = (offset: number) => loaded(STIMULUS_GROUPS.ipv6.slice(offset, offset + 4));
  return assemble([
    bpfLoad(SKF_AD_OFF + SKF_AD_PKTTYPE),
    bpfJumpEqual(PACKET_OUTGOING, 15, 0),
    bpfLoad(SKF_AD_OFF + SKF_AD_PROTOCOL),
    bpfJumpEqual(ETH_P_IP, 0, 3),
    bpfLoad(SKF_NET_OFF + IPV4_DESTINATION, 4),
    bpfJumpEqual(loaded(STIMULUS_GROUPS.ipv4), 10, 0),
    bpfJumpEqual(loaded(STIMULUS_GROUPS.igmp), 9, 10),
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
 * Returns the filter that passes UDP over IPv4 to one group, of any source or of one.
 *
 * Fragments to the group pass, and so do frames that are malformed further on: the worker counts
 * them by reason. The port is not compared: an IPv4 header varies in length, so finding the port
 * would take a second load. A frame of a VLAN belongs to another network and is dropped. The kernel
 * takes the tag out of the frame before a packet socket sees it, so the filter asks the kernel for
 * the tag (SKF_AD_VLAN_TAG).
 *
 * @param flow The group, and its source if only one is wanted.
 * @param layer The form of the frames.
 */
export function groupFilter(
  { address, source }: Pick<Ipv4Flow, "address" | "source">,
  layer: LinkLayer,
): Uint8Array<ArrayBuffer> {
  const group = ipv4Bytes(address)!;
  const hardware = ipv4GroupHardwareAddress(group);
  const packet = LINK_HEADER[layer];
  const equal = (start: number, bytes: ArrayLike<number>): Test => ({
    load: [bpfLoad(start, bytes.length as 1 | 2 | 4)],
    jump: (drop) => bpfJumpEqual(loaded(bytes), 0, drop),
  });
  const ethernet = [
    NO_VLAN,
    equal(0, hardware.slice(0, 4)),
    equal(4, hardware.slice(4)),
    equal(ETHERNET_TYPE, [ETH_P_IP >> 8, ETH_P_IP & 0xff]),
  ];
  return dropUnless([
    NOT_OUTGOING,
    ...layer === "ethernet" ? ethernet : [IS_IPV4],
    equal(packet + IPV4_PROTOCOL, [IPPROTO_UDP]),
    equal(packet + IPV4_DESTINATION, group),
    ...source === undefined ? [] : [equal(packet + IPV4_SOURCE, ipv4Bytes(source)!)],
  ]);
}

/** A test of a frame. */
interface Test {
  readonly load: readonly BpfInstruction[];
  /** The jump that skips so many instructions, to the one that drops the frame. */
  readonly jump: (drop: number) => BpfInstruction;
}

const NOT_OUTGOING: Test = {
  load: [bpfLoad(SKF_AD_OFF + SKF_AD_PKTTYPE)],
  jump: (drop) => bpfJumpEqual(PACKET_OUTGOING, drop, 0),
};

const NO_VLAN: Test = {
  load: [bpfLoad(SKF_AD_OFF + SKF_AD_VLAN_TAG)],
  jump: (drop) => bpfJumpAnySet(VLAN_ID, drop, 0),
};

const IS_IPV4: Test = {
  load: [bpfLoad(0, 1), bpfAnd(0xf0)],
  jump: (drop) => bpfJumpEqual(0x40, 0, drop),
};

/** Builds the filter that passes the frames for which every test holds, whole. */
function dropUnless(tests: readonly Test[]): Uint8Array<ArrayBuffer> {
  const backwards: BpfInstruction[] = [bpfReturn(0), bpfReturn(WHOLE_FRAME)];
  for (const { load, jump } of tests.toReversed()) {
    backwards.push(jump(backwards.length - 1), ...load.toReversed());
  }
  return assemble(backwards.reverse());
}

/** Returns bytes as the number that a BPF program loads. */
function loaded(bytes: ArrayLike<number>): number {
  let value = 0;
  for (let i = 0; i < bytes.length; i++) value = value * 256 + bytes[i];
  return value;
}
