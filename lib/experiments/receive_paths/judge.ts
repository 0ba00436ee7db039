/**
 * The finding of `receive-paths`: a pure function of the digests sent, seen and received.
 *
 * @module
 */

import { type Finding, judged, skipped } from "../../evidence/evidence.ts";
import { floodReason, isFloodOfOthers, type PacketStatistics } from "../../packets/socket.ts";

/** The digests of the frames that were sent, and of those that witness and child received. */
export interface Digests {
  readonly sent: readonly string[];
  /** Those that root's own witness received, of the frames sent. */
  readonly seen: readonly string[];
  /** Those that the child received. */
  readonly received: readonly string[];
  /** How many frames of others the witness received. */
  readonly others: number;
  /** Whether so many of these ended the exchange. */
  readonly isFlooded: boolean;
}

/**
 * PATH-01 to PATH-07: every frame that arrived was received once and in order.
 *
 * A frame has arrived if the witness or the child received it. So a frame that only the witness
 * received refutes the claim, unless others have filled the buffer of the passed socket. Where too
 * few arrived, nothing is shown. Frames of others may be among those received; they are counted as
 * foreign.
 *
 * @param wanted How many frames must have arrived.
 * @param dropped Whether the parent saw that the child had dropped its privileges.
 */
export function judgeFrames(
  digests: Digests,
  { packets, drops }: PacketStatistics,
  wanted: number,
  dropped: boolean,
): Finding {
  const { sent, seen, received, others, isFlooded } = digests;
  const place = new Map(sent.map((digest, i) => [digest, i]));
  const places = received.map((digest) => place.get(digest)).filter((i) => i !== undefined);
  const [expected, actual] = [timesOf(seen), timesOf(received.filter((each) => place.has(each)))];
  const arrived = new Set([...expected.keys(), ...actual.keys()]).size;
  const again = [...actual].reduce(
    (sum, [digest, times]) => sum + Math.max(0, times - (expected.get(digest) ?? 1)),
    0,
  );
  const figures = {
    sent: sent.length,
    arrived,
    received: actual.size,
    lost: arrived - actual.size,
    again,
    disordered: disorder(seen.map((digest) => place.get(digest)!)) > 0 ? 0 : disorder(places),
    foreign: received.length - places.length,
    others,
    tp_packets: packets,
    tp_drops: drops,
    unprivileged: dropped,
  };
  const { lost, disordered, foreign } = figures;
  const isDisplaced = isFlooded || lost > 0 && drops >= lost && isFloodOfOthers(drops, others);
  const refuted = !dropped || again > 0 || disordered > 0 || (lost > 0 && !isDisplaced);
  const skip = (reason: string) => skipped(reason, figures);
  if (!refuted && isFlooded) {
    return skip(`${others} frames of others, in the groups of the stimulus: end that traffic`);
  }
  if (!refuted && isDisplaced) return skip(floodReason(drops));
  if (!refuted && arrived < wanted) {
    return skip(
      `of ${sent.length} frames only ${arrived} reached root's own socket on the interface as they ` +
        "were sent: name the interface to send from with --stimulus, and choose interfaces that " +
        "neither drop nor change frames",
    );
  }
  return judged(
    !refuted && arrived > 0,
    `${actual.size} of ${arrived} frames; ${again} duplicated, ${disordered} out of order, ` +
      `${foreign} foreign, ${drops} dropped${dropped ? "" : "; by a privileged child"}`,
    figures,
  );
}

/** Returns how often each digest occurs. */
function timesOf(digests: readonly string[]): Map<string, number> {
  const times = new Map<string, number>();
  for (const digest of digests) times.set(digest, (times.get(digest) ?? 0) + 1);
  return times;
}

/** Returns how many frames come no later than a frame before them, by their places. */
function disorder(places: readonly number[]): number {
  return places.filter((each, i) => i > 0 && each < places[i - 1]).length;
}
