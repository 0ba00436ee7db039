/**
 * The judges of the supervisor experiment: pure functions from what the parent saw to findings.
 *
 * @module
 */

import type { Account } from "./account.ts";
import { type Finding, judged, skipped } from "../../evidence/evidence.ts";
import { floodReason, isFloodOfOthers } from "../../packets/socket.ts";
import type { Shares } from "./kills.ts";
import { FAILURES_TOLERATED } from "./restart_policy.ts";
import type { Seat } from "./seat.ts";

/** The properties of a seat that {@linkcode judgeSeats} looks at. */
export type SeenSeat = Pick<
  Seat,
  "number" | "starts" | "cookies" | "isConfined" | "filterUnread" | "ends"
>;

/** One part of the stream: frames numbered from `from` up to, but not including, `to`. */
export interface Phase {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** The outcome of a control. */
export interface Control {
  readonly account: Account;
  readonly kills: number;
  /** Numbers of the frames that workers held when they were killed. */
  readonly inHand: readonly number[];
  /** Frames that the kernel dropped. */
  readonly drops: number;
}

/** How many lost frames the evidence lists by number. */
const LISTED = 100;

/** Judges SUPER-01: every worker was confined, and each seat had one socket throughout. */
export function judgeSeats(seats: readonly SeenSeat[]): Finding {
  const wrong = seats.filter(({ cookies, isConfined }) => cookies.size !== 1 || !isConfined);
  const starts = seats.reduce((sum, seat) => sum + seat.starts, 0);
  const unread = seats.find(({ filterUnread }) => filterUnread !== undefined)?.filterUnread;
  const evidence = {
    seats: seats.map(({ number, starts, cookies, isConfined, filterUnread, ends }) => ({
      number,
      starts,
      cookies: [...cookies],
      isConfined,
      filter_unread: filterUnread ?? null,
      ends: ends.map(({ reason }) => reason),
    })),
  };
  if (wrong.length === 0 && unread !== undefined) return skipped(unread, evidence);
  return judged(
    seats.length > 0 && wrong.length === 0,
    wrong.length === 0
      ? `${starts} workers, each confined, each with the socket of its seat`
      : `seats with an unconfined worker or another socket: ${
        wrong.map(({ number }) => number).join(", ")
      }`,
    evidence,
  );
}

/**
 * Judges SUPER-02, 04, 05 and 09: every frame of a phase was received exactly once.
 *
 * A frame that did not arrive shows nothing, and nor does one for which a ring had no room because
 * of others.
 *
 * @param drops How many frames the kernel dropped on each socket, as evidence.
 */
export function judgeOnce(
  account: Account,
  { from, to }: Phase,
  drops: readonly number[],
): Finding {
  const isInPhase = (number: number) => number >= from && number < to;
  const [lost, absent] = [account.lost.filter(isInPhase), account.absent.filter(isInPhase)];
  const { twice, others } = account;
  const evidence = {
    ...{ from, to, lost: lost.slice(0, LISTED), absent: absent.length, twice, others },
    tp_drops: drops,
  };
  const dropped = drops.reduce((sum, each) => sum + each, 0);
  const isDisplaced = dropped >= account.lost.length && isFloodOfOthers(dropped, others);
  const skip = (reason: string) => skipped(reason, evidence);
  if (twice === 0 && lost.length > 0 && isDisplaced) return skip(floodReason(dropped));
  if (twice === 0 && lost.length === 0 && absent.length > 0) {
    return skip(whyAbsent(absent.length, to - from));
  }
  return judged(
    to > from && lost.length === 0 && twice === 0,
    `${to - from} frames: ${lost.length} lost, ${twice} twice in the whole stream`,
    evidence,
  );
}

/** Returns why frames that did not arrive show nothing. */
export function whyAbsent(absent: number, sent: number): string {
  return `${absent} of ${sent} frames did not reach root's own socket on the interface: ` +
    "name the interface to send from with --stimulus, and choose interfaces that drop nothing";
}

/**
 * Judges SUPER-03: a successor served each socket before its ring could be full.
 *
 * @param gaps How long no worker served a socket, each time, in milliseconds.
 * @param noticed How long the supervisor took to notice each death, in milliseconds.
 * @param allowed The gap that the ring allows, in milliseconds.
 */
export function judgeGaps(
  gaps: readonly number[],
  noticed: readonly number[],
  allowed: number,
): Finding {
  const longest = Math.max(0, ...gaps);
  const latest = Math.max(0, ...noticed);
  return judged(
    gaps.length >= noticed.length && longest + latest < allowed,
    `longest gap ${rounded(longest)} ms, of ${rounded(allowed)} ms allowed; ` +
      `each death noticed within ${rounded(latest)} ms`,
    { gaps_ms: gaps.map(rounded), noticed_ms: noticed.map(rounded), allowed_ms: rounded(allowed) },
  );
}

/**
 * Judges SUPER-06: a seat that is given up keeps no share of the frames, and gets one when revived.
 */
export function judgeShares(shares: Shares): Finding {
  const { isGivenUp, failures, whileGivenUp, afterRevival, others } = shares;
  if (!isGivenUp) return judged(false, `not given up after ${failures} workers ended`);
  return judged(
    failures >= FAILURES_TOLERATED && whileGivenUp === 0 && others > 0 && afterRevival > 0,
    `given up after ${failures} workers ended; meanwhile ${others} frames for the others, ` +
      `${whileGivenUp} for its socket; ${afterRevival} once it was served again`,
    { failures, whileGivenUp, afterRevival, others },
  );
}

/**
 * Judges SUPER-07, the control with recvfrom(2): each lost frame was in the hand of a killed
 * worker, or the kernel had no room for it, or a kill fell between the kernel and the hand.
 */
export function judgeQueueControl({ account, kills, inHand, drops }: Control): Finding {
  const { lost, twice, absent, sent } = account;
  if (absent.length > 0 && lost.length === 0) return skipped(whyAbsent(absent.length, sent));
  const unexplained = lost.filter((number) => !inHand.includes(number)).length - drops;
  return judged(
    twice === 0 && lost.length > 0 && unexplained <= kills - inHand.length,
    `${lost.length} lost in ${kills} kills: ${inHand.length} in hand, ` +
      `${drops} dropped by the kernel, ` +
      `${Math.max(0, unexplained)} on the way to the worker`,
    { lost, in_hand: inHand, tp_drops: drops, kills },
  );
}

/**
 * Judges SUPER-08, the control with reopened sockets: frames are lost that were sent while there
 * was no socket, or that waited in one that was closed.
 */
export function judgeReopened({ account, kills }: Control): Finding {
  const { lost, absent, sent } = account;
  if (absent.length > 0 && lost.length === 0) return skipped(whyAbsent(absent.length, sent));
  return judged(
    lost.length > 0,
    `${lost.length} of ${sent} lost in ${kills} kills`,
    { lost: lost.length, sent, kills },
  );
}

/** Rounds to one decimal place. */
export const rounded = (number: number): number => Math.round(number * 10) / 10;
