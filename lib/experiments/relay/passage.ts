/**
 * The passage of datagrams through a relay: how those that came out differ from those that arrived.
 *
 * @module
 */

import type { Arrival } from "./arrivals.ts";

/** How the datagrams that came out differ from those that arrived. */
export interface Passage {
  /** Datagrams of ours that were injected and that the output can carry. */
  readonly sent: number;
  /** Datagrams of ours that arrived at the relay's interface. */
  readonly reached: number;
  /** Datagrams of ours that came out. */
  readonly arrived: number;
  /** Datagrams of ours that arrived and did not come out. */
  readonly lost: number;
  /** Datagrams that came out more often than they arrived. */
  readonly again: number;
  /** Datagrams of ours that came out after one that arrived later. */
  readonly disordered: number;
  /** Datagrams of others that arrived and came out. */
  readonly others: number;
  /** Datagrams that came out, and that never arrived. */
  readonly foreign: number;
}

/** The datagrams with one digest. */
interface Same {
  /** The places of ours among all of ours. */
  readonly ours: number[];
  others: number;
  /** How many came out. */
  came: number;
}

/**
 * Compares what arrived with what came out.
 *
 * A short datagram of ours may have the same payload as one of others'. Which of the two came out
 * cannot be told then: they are counted, and their order is not judged.
 *
 * @param sent How many datagrams of ours should come out.
 * @param left The digests of what came out, in order.
 */
export function passageOf(
  sent: number,
  arrivals: readonly Arrival[],
  left: readonly string[],
): Passage {
  const all = new Map<string, Same>();
  let reached = 0;
  for (const { digest, isOurs } of arrivals) {
    const same = all.getOrInsertComputed(digest, () => ({ ours: [], others: 0, came: 0 }));
    if (isOurs) same.ours.push(reached++);
    else same.others++;
  }
  let disordered = 0, foreign = 0, last = -1;
  for (const digest of left) {
    const same = all.get(digest);
    if (same === undefined) {
      foreign++;
      continue;
    }
    const place = same.others === 0 ? same.ours[same.came] : undefined;
    same.came++;
    if (place === undefined) continue;
    if (place < last) disordered++;
    last = Math.max(last, place);
  }
  let arrived = 0, others = 0, again = 0;
  for (const same of all.values()) {
    const ours = Math.min(same.came, same.ours.length);
    arrived += ours;
    others += Math.min(same.came - ours, same.others);
    again += Math.max(0, same.came - same.ours.length - same.others);
  }
  return { sent, reached, arrived, lost: reached - arrived, again, disordered, others, foreign };
}

/** The datagrams that arrived in the two parts of an exchange. */
export interface Parts {
  readonly first: readonly string[];
  readonly second: readonly string[];
}

/**
 * Returns the datagrams of ours that arrived and that carry the nonce of the run, by the part of
 * the exchange in which they were sent.
 *
 * @param sent The digests of all that were sent.
 * @param length How many of them were sent in the first part.
 */
export function partsOf(
  { sent, marked }: { readonly sent: readonly string[]; readonly marked: ReadonlySet<string> },
  length: number,
  arrivals: readonly Arrival[],
): Parts {
  const early = new Set(sent.slice(0, length));
  const ours = arrivals.filter(({ isOurs, digest }) => isOurs && marked.has(digest))
    .map(({ digest }) => digest);
  return {
    first: ours.filter((digest) => early.has(digest)),
    second: ours.filter((digest) => !early.has(digest)),
  };
}
