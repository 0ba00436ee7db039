/**
 * Identifies the packet in a frame: its end, and a summary in words.
 *
 * A frame may be cut anywhere: nothing is read beyond its bytes.
 *
 * @module
 */

import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from "../../ffi/abi/constants.ts";
import {
  IPV4_HEADER,
  IPV4_PROTOCOL,
  IPV4_TOTAL_LENGTH,
  IPV6_HEADER,
  IPV6_PAYLOAD_LENGTH,
} from "./headers.ts";
import { findPacket, type LinkLayer, type PacketPlace } from "./link_layer.ts";

/**
 * Finds the end of the IP packet in a frame, by the length in the packet's own header.
 *
 * @param frame Its bytes from the link-layer header on.
 * @returns An index that may lie beyond the bytes that are there; `undefined` if there is no IP
 *   packet, or its header is cut.
 */
export function endOfPacket(frame: Uint8Array, layer: LinkLayer): number | undefined {
  const place = findPacket(frame, layer);
  if (place === undefined) return undefined;
  const { etherType, start } = place;
  const word = (offset: number) => frame[start + offset] << 8 | frame[start + offset + 1];
  switch (etherType) {
    case ETH_P_IP:
      return frame.length < start + IPV4_HEADER ? undefined : start + word(IPV4_TOTAL_LENGTH);
    case ETH_P_IPV6:
      return frame.length < start + IPV6_HEADER
        ? undefined
        : start + IPV6_HEADER + word(IPV6_PAYLOAD_LENGTH);
  }
  return undefined;
}

/**
 * Describes a frame in a few words, such as `IPv4 (protocol: 2)` or `VLAN 5, IPv6`.
 *
 * @param frame Its bytes from the link-layer header on; the beginning is enough.
 */
export function summarize(frame: Uint8Array, layer: LinkLayer): string {
  const place = findPacket(frame, layer);
  if (place === undefined) return layer === "ip" && frame.length > 0 ? "No IP" : "Truncated frame";
  const tags = place.vlans.map((vlan) => `VLAN ${vlan}, `).join("");
  return tags + summarizePacket(frame, place);
}

function summarizePacket(frame: Uint8Array, { etherType, start }: PacketPlace): string {
  switch (etherType) {
    case ETH_P_IP:
      return frame.length < start + IPV4_HEADER
        ? "IPv4 (truncated)"
        : `IPv4 (protocol: ${frame[start + IPV4_PROTOCOL]})`;
    case ETH_P_IPV6:
      return "IPv6";
    case ETH_P_ARP:
      return "ARP";
    default:
      return `EtherType 0x${etherType.toString(16).padStart(4, "0")}`;
  }
}
