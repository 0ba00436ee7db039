/**
 * A captured frame as the report shows it: as it was on the wire.
 *
 * @module
 */

import { restoreVlanTag } from "../../ffi/packet/vlan_tag.ts";
import type { Packet } from "../evidence/evidence.ts";
import { summarize } from "../packets/frames.ts";
import { findPacket, isSuperPacket, type LinkEnd } from "../packets/link_layer.ts";
import { type CapturedFrame, HEAD_LIMIT } from "./protocol.ts";

/**
 * Restores the VLAN tag that the kernel has removed from a frame, and describes the frame.
 *
 * @param captured The frame as the child forwarded it.
 * @param link The link that it came by.
 */
export function onTheWire(
  { bytes, head, vlan }: CapturedFrame,
  link: Pick<LinkEnd, "layer" | "mtu">,
): Pick<Packet, "bytes" | "head" | "summary"> {
  const kept = Uint8Array.fromBase64(head);
  const frame = link.layer === "ethernet" ? restoreVlanTag(kept, vlan) : kept;
  const length = bytes + frame.length - kept.length;
  const tags = findPacket(frame, link.layer)?.vlans.length ?? 0;
  const summary = summarize(frame, link.layer);
  return {
    bytes: length,
    head: frame.subarray(0, HEAD_LIMIT).toBase64(),
    summary: isSuperPacket(length, tags, link)
      ? `${summary}, several packets in one (GSO/GRO)`
      : summary,
  };
}
