/**
 * The account of a stream: how many of the frames that arrived were received once, twice, or never.
 *
 * @module
 */

import type { Arrivals } from "./witness.ts";

/** The account of a stream. */
export interface Account {
  readonly sent: number;
  readonly once: number;
  /** How many frames were received more often than they arrived. */
  readonly twice: number;
  /** The numbers of the frames that arrived, and that no worker received. */
  readonly lost: readonly number[];
  /** The numbers of the frames that did not arrive, as far as anybody saw. */
  readonly absent: readonly number[];
  /** The number of frames that are not of the stream. */
  readonly foreign: number;
  /** How many frames of others arrived. */
  readonly others: number;
}

/** The arrivals of a stream of which every frame arrived once, and nothing else. */
export function everyFrame(sent: number): Arrivals {
  return { times: new Map(Array.from({ length: sent }, (_, i) => [i, 1])), others: 0 };
}

/**
 * Draws up the account of a stream.
 *
 * @param sent The number of frames sent. They are numbered from 0.
 * @param journals For each worker, the numbers of the frames that it received. A number that was
 * never sent is foreign. A frame that a worker received has arrived, even if the witness lost it.
 * @param arrivals The frames that root's own witness received.
 */
export function drawUpAccount(
  sent: number,
  journals: readonly Uint32Array[],
  arrivals: Arrivals = everyFrame(sent),
): Account {
  const times = new Uint8Array(sent);
  let foreign = 0;
  for (const journal of journals) {
    for (const number of journal) {
      if (number >= sent) foreign++;
      else if (times[number] < 255) times[number]++;
    }
  }
  const lost: number[] = [], absent: number[] = [];
  let once = 0, twice = 0;
  times.forEach((count, number) => {
    const arrived = arrivals.times.get(number) ?? 0;
    if (count === 0 && arrived === 0) absent.push(number);
    else if (count === 0) lost.push(number);
    else if (count <= Math.max(1, arrived)) once++;
    else twice++;
  });
  return { sent, once, twice, lost, absent, foreign, others: arrivals.others };
}

/** Returns the account in words. */
export function describeAccount({ sent, once, twice, lost, absent }: Account): string {
  const never = absent.length === 0 ? "" : `, ${absent.length} did not arrive`;
  return `${sent} sent, ${once} received once, ${twice} twice, ${lost.length} lost${never}`;
}
