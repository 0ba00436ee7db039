/**
 * The finding of `receive-paths`: a pure function of the digests sent and received.
 *
 * @module
 */

import { type Finding, judged } from "../../evidence/evidence.ts";
import type { PacketStatistics } from "../../packets/socket.ts";

/** The digests of the frames that were sent, and of those that the child received. */
export interface Digests {
  readonly sent: readonly string[];
  readonly received: readonly string[];
}

/**
 * PATH-01 to PATH-07: every frame sent was received once and in order, and the kernel dropped none.
 * Frames that were not sent by this run may be among those received; they are counted as foreign.
 *
 * @param dropped Whether the parent saw that the child had dropped its privileges.
 */
export function judgeFrames(
  { sent, received }: Digests,
  { packets, drops }: PacketStatistics,
  dropped: boolean,
): Finding {
  const place = new Map(sent.map((digest, i) => [digest, i]));
  const places = received.map((digest) => place.get(digest)).filter((i) => i !== undefined);
  const once = new Set(places).size;
  const disordered = places.filter((each, i) => i > 0 && each <= places[i - 1]).length;
  const figures = {
    sent: sent.length,
    received: once,
    lost: sent.length - once,
    again: places.length - once,
    disordered,
    foreign: received.length - places.length,
    tp_packets: packets,
    tp_drops: drops,
    unprivileged: dropped,
  };
  const holds = dropped && figures.lost === 0 && figures.again === 0 && disordered === 0 &&
    drops === 0;
  return judged(
    holds && sent.length > 0,
    `${once} of ${sent.length} frames; ${figures.again} duplicated, ${disordered} out of order, ` +
      `${figures.foreign} foreign, ${drops} dropped${dropped ? "" : "; by a privileged child"}`,
    figures,
  );
}
