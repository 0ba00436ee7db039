/**
 * The findings of `privilege-drop` that no other experiment has: pure functions of what was seen.
 *
 * @module
 */

import { CAP_NET_RAW, ETH_P_ALL } from "../../../ffi/abi/constants.ts";
import { type Finding, judged, skipped } from "../../evidence/evidence.ts";
import type { IncompleteDrop } from "../../harness/incomplete_drop.ts";
import { isInSet } from "../../inspect/threads/threads.ts";
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

/** DROP-04: the three calls alone would have left CAP_NET_RAW, so the check can fail. */
export function judgeKept({ dropped }: IncompleteDrop): Finding {
  if (dropped === undefined) return skipped("the control could not be seen");
  const { uids, capabilities: { CapEff: effective } } = dropped;
  const isKept = isInSet(dropped, "CapEff", CAP_NET_RAW) && uids[1] !== 0;
  const evidence = { control: CALLS, uids, CapEff: effective };
  if (!isKept) return skipped(`the control kept no CAP_NET_RAW: CapEff ${effective}`, evidence);
  return judged(true, "control: the three calls alone left CAP_NET_RAW", evidence);
}

/** DROP-05: after the three calls alone, uid 0 would have come back. */
export function judgeRegained({ regained }: IncompleteDrop): Finding {
  if (regained === undefined) return skipped("the control could not be seen");
  const { uids } = regained;
  const evidence = { control: `${CALLS}, setresuid(0, 0, 0)`, uids };
  if (!uids.every((uid) => uid === 0)) {
    return skipped(`the control did not regain root: uids ${uids.join(" ")}`, evidence);
  }
  return judged(true, "control: after the three calls alone, setresuid gave uid 0", evidence);
}

const CALLS = "setgroups, setresgid, setresuid by setpriv(1)";
