/**
 * What a relay's worker is for, as a classic BPF program: UDP over IPv4 to one group, and nothing else of the interface.
 *
 * Fragments to the group pass, and so does what is malformed further on: the worker counts them by reason. The port is not looked at, since behind
 * an IPv4 header of any length it would take a second load. A frame of a VLAN is another network's: the kernel takes the tag out of
 * the frame before a packet socket sees it, so nothing but its own account of the frame says so. What this machine sends is not received: a member
 * of a fanout group, as a pinned socket is one, has its own PACKET_IGNORE_OUTGOING no longer asked for (dev_queue_xmit_nit asks the group's hook).
 *
 * @module
 */

import {
  ETH_HLEN,
  ETH_P_IP,
  IPPROTO_UDP,
  PACKET_OUTGOING,
  SKF_AD_OFF,
  SKF_AD_PKTTYPE,
  SKF_AD_VLAN_TAG,
} from "../../ffi/abi/constants.ts";
import { assemble, bpfJumpAnySet, bpfJumpEqual, bpfLoad, bpfReturn } from "../../ffi/packet/bpf.ts";
import { ipv4Bytes } from "../../ffi/socket/inet.ts";
import { groupHardwareAddress } from "./datagrams.ts";

const ETHERTYPE = 12; // offset in the Ethernet header
const PROTOCOL = ETH_HLEN + 9, DESTINATION = ETH_HLEN + 16; // RFC 791, 3.1
const VLAN_ID = 0x0fff; // IEEE 802.1Q, 9.6; 0 is no VLAN, but a priority
const WHOLE_FRAME = 0x40000;

/** The first `size` of some bytes as a number, as the machine of BPF loads them. */
function loaded(bytes: ArrayLike<number>, start: number, size: number): number {
  let value = 0;
  for (let i = start; i < start + size; i++) value = value * 256 + bytes[i];
  return value;
}

/**
 * The program, for `attachFilter`.
 *
 * @param group An IPv4 address.
 */
export function groupFilter(group: string): Uint8Array<ArrayBuffer> {
  const hardware = groupHardwareAddress(group);
  return assemble([
    bpfLoad(SKF_AD_OFF + SKF_AD_PKTTYPE),
    bpfJumpEqual(PACKET_OUTGOING, 13, 0),
    bpfLoad(SKF_AD_OFF + SKF_AD_VLAN_TAG),
    bpfJumpAnySet(VLAN_ID, 11, 0),
    bpfLoad(0, 4),
    bpfJumpEqual(loaded(hardware, 0, 4), 0, 9),
    bpfLoad(4, 2),
    bpfJumpEqual(loaded(hardware, 4, 2), 0, 7),
    bpfLoad(ETHERTYPE, 2),
    bpfJumpEqual(ETH_P_IP, 0, 5),
    bpfLoad(PROTOCOL, 1),
    bpfJumpEqual(IPPROTO_UDP, 0, 3),
    bpfLoad(DESTINATION, 4),
    bpfJumpEqual(loaded(ipv4Bytes(group)!, 0, 4), 0, 1),
    bpfReturn(WHOLE_FRAME),
    bpfReturn(0),
  ]);
}
