/**
 * What an Ethernet frame is, in words. Pure, and never beyond the bytes that are there.
 *
 * @module
 */

import { ETH_HLEN, ETH_P_IP, ETH_P_IPV6 } from "../ffi/constants.ts";

const ETH_P_ARP = 0x0806; // linux/if_ether.h
const IPV4_HEADER = 20;
const IPV4_PROTOCOL = 9; // RFC 791, 3.1: offset of Protocol in the header

/** The EtherType of a frame; `undefined` if it is too short to have one. */
export function etherType(frame: Uint8Array): number | undefined {
  return frame.length < ETH_HLEN ? undefined : frame[12] << 8 | frame[13];
}

/**
 * A frame in a few words, such as `IPv4 (protocol: 2)` or `IPv6`.
 *
 * @param frame Its bytes from the Ethernet header on; the beginning is enough.
 */
export function summarize(frame: Uint8Array): string {
  const type = etherType(frame);
  switch (type) {
    case undefined:
      return `Truncated frame`;
    case ETH_P_IP:
      return frame.length < ETH_HLEN + IPV4_HEADER
        ? "IPv4 (truncated)"
        : `IPv4 (protocol: ${frame[ETH_HLEN + IPV4_PROTOCOL]})`;
    case ETH_P_IPV6:
      return "IPv6";
    case ETH_P_ARP:
      return "ARP";
    default:
      return `EtherType 0x${type.toString(16).padStart(4, "0")}`;
  }
}
