/**
 * Identifies the packet in an Ethernet frame: its type, its end, and a summary in words.
 *
 * A frame may be cut anywhere: nothing is read beyond its bytes.
 *
 * @module
 */

import { ETH_HLEN, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from "../../ffi/abi/constants.ts";
import {
  ETHERNET_TYPE,
  IPV4_HEADER,
  IPV4_PROTOCOL,
  IPV4_TOTAL_LENGTH,
  IPV6_HEADER,
  IPV6_PAYLOAD_LENGTH,
} from "./headers.ts";

/** Reads the EtherType of a frame. Returns `undefined` if the frame is too short to have one. */
export function etherType(frame: Uint8Array): number | undefined {
  return frame.length < ETH_HLEN ? undefined : frame[ETHERNET_TYPE] << 8 | frame[ETHERNET_TYPE + 1];
}

/**
 * Finds the end of the IP packet in a frame, by the length in the packet's own header.
 *
 * @param frame Its bytes from the Ethernet header on.
 * @returns An index that may lie beyond the bytes that are there; `undefined` if there is no IP
 *   packet, or its header is cut.
 */
export function endOfPacket(frame: Uint8Array): number | undefined {
  const be16 = (offset: number) => frame[ETH_HLEN + offset] << 8 | frame[ETH_HLEN + offset + 1];
  switch (etherType(frame)) {
    case ETH_P_IP:
      return frame.length < ETH_HLEN + IPV4_HEADER ? undefined : ETH_HLEN + be16(IPV4_TOTAL_LENGTH);
    case ETH_P_IPV6:
      return frame.length < ETH_HLEN + IPV6_HEADER
        ? undefined
        : ETH_HLEN + IPV6_HEADER + be16(IPV6_PAYLOAD_LENGTH);
  }
  return undefined;
}

/**
 * Describes a frame in a few words, such as `IPv4 (protocol: 2)` or `IPv6`.
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
