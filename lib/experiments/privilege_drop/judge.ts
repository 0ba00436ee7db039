/**
 * The findings of `privilege-drop` that no other experiment has: pure functions of what was seen.
 *
 * @module
 */

import { ETH_P_ALL } from "../../../ffi/abi/constants.ts";
import { type Finding, judged } from "../../evidence/evidence.ts";
import type { PacketSocketIdentity } from "../../packets/socket.ts";

/**
 * SOCK-02: nothing was queued before the bind.
 *
 * @param queued How many frames were in the queue.
 * @param packets How many frames the socket counted (`PACKET_STATISTICS`).
 * @param provoked Whether the parent sent a frame before the bind.
 */
export function judgeQueueBeforeBind(queued: number, packets: number, provoked: boolean): Finding {
  return judged(
    queued === 0 && packets === 0,
    `${queued} queued, ${packets} counted${provoked ? ", with one frame sent on purpose" : ""}`,
    { queued, tp_packets: packets, frame_sent_on_purpose: provoked },
  );
}

/**
 * SOCK-01: the socket is bound to the interface, for every protocol.
 *
 * @param wanted The ifindex of the interface.
 */
export function judgeBinding(
  { ifindex, boundProtocol }: PacketSocketIdentity,
  wanted: number,
): Finding {
  return judged(
    ifindex === wanted && boundProtocol === ETH_P_ALL,
    `ifindex ${ifindex}, protocol 0x${boundProtocol.toString(16).padStart(4, "0")}`,
    { call: "getsockname", sll_ifindex: ifindex, sll_protocol: boundProtocol, wanted },
  );
}

/**
 * PASS-01, by the child: it holds no packet socket.
 *
 * @param descriptors The link of each of its descriptors.
 * @param packetSockets The descriptors among them that are packet sockets.
 */
export function judgeOwnDescriptors(
  descriptors: ReadonlyMap<number, string>,
  packetSockets: readonly number[],
): Finding {
  return judged(
    packetSockets.length === 0,
    packetSockets.length === 0
      ? `none of ${descriptors.size} descriptors`
      : `packet sockets held: ${packetSockets.join(", ")}`,
    { descriptors: Object.fromEntries(descriptors), packet_sockets: packetSockets },
  );
}
