/**
 * What the worker of a multicast relay is for, as a classic BPF program: IPv4 and IPv6 to a multicast hardware address, which came from
 * elsewhere. A member of a fanout group, as a pinned socket is one, has its own PACKET_IGNORE_OUTGOING no longer asked for.
 *
 * @module
 */

import {
  ETH_P_IP,
  ETH_P_IPV6,
  PACKET_OUTGOING,
  SKF_AD_OFF,
  SKF_AD_PKTTYPE,
} from "../../ffi/abi/constants.ts";
import { assemble, bpfJumpAnySet, bpfJumpEqual, bpfLoad, bpfReturn } from "../../ffi/packet/bpf.ts";

const ETHERTYPE = 12; // offset in the Ethernet header
const GROUP_BIT = 0x01; // of the first byte of the destination: IEEE 802.3, 3.2.3
const WHOLE_FRAME = 0x40000;

/** The program, for `attachFilter`. */
export function relayFilter(): Uint8Array<ArrayBuffer> {
  return assemble([
    bpfLoad(SKF_AD_OFF + SKF_AD_PKTTYPE),
    bpfJumpEqual(PACKET_OUTGOING, 6, 0), // sent by this machine: drop
    bpfLoad(0, 1),
    bpfJumpAnySet(GROUP_BIT, 0, 4), // not to a group: drop
    bpfLoad(ETHERTYPE, 2),
    bpfJumpEqual(ETH_P_IP, 1, 0),
    bpfJumpEqual(ETH_P_IPV6, 0, 1), // neither: drop
    bpfReturn(WHOLE_FRAME),
    bpfReturn(0),
  ]);
}
