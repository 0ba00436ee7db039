/**
 * What the worker of a multicast relay is for, as a classic BPF program: IPv4 and IPv6 to a multicast hardware address.
 *
 * @module
 */

import {
  assemble,
  bpfJumpAnySet,
  bpfJumpEqual,
  bpfLoad,
  bpfReturn,
  ETH_P_IP,
  ETH_P_IPV6,
} from "../ffi/mod.ts";

const ETHERTYPE = 12; // offset in the Ethernet header
const GROUP_BIT = 0x01; // of the first byte of the destination: IEEE 802.3, 3.2.3
const WHOLE_FRAME = 0x40000;

/** The program, for `attachFilter`. */
export function relayFilter(): Uint8Array<ArrayBuffer> {
  return assemble([
    bpfLoad(0, 1),
    bpfJumpAnySet(GROUP_BIT, 0, 4), // not to a group: drop
    bpfLoad(ETHERTYPE, 2),
    bpfJumpEqual(ETH_P_IP, 1, 0),
    bpfJumpEqual(ETH_P_IPV6, 0, 1), // neither: drop
    bpfReturn(WHOLE_FRAME),
    bpfReturn(0),
  ]);
}
