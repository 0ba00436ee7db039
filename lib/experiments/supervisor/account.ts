/**
 * The account of a stream: which of the frames that were sent were received once, twice, or never.
 *
 * @module
 */

/** What became of the frames. */
export interface Account {
  readonly sent: number;
  readonly once: number;
  readonly twice: number;
  /** The numbers of those that nobody received. */
  readonly lost: readonly number[];
  /** Frames that are not of the stream. */
  readonly foreign: number;
}

/**
 * Draws it up.
 *
 * @param sent How many were sent, numbered from 0.
 * @param journals What each worker has done, by number; any other number is foreign.
 */
export function drawUpAccount(sent: number, journals: readonly Uint32Array[]): Account {
  const times = new Uint8Array(sent);
  let foreign = 0;
  for (const journal of journals) {
    for (const number of journal) {
      if (number >= sent) foreign++;
      else if (times[number] < 255) times[number]++;
    }
  }
  const lost: number[] = [];
  let once = 0, twice = 0;
  times.forEach((count, number) => {
    if (count === 0) lost.push(number);
    else if (count === 1) once++;
    else twice++;
  });
  return { sent, once, twice, lost, foreign };
}

/** The account in words. */
export function describeAccount({ sent, once, twice, lost }: Account): string {
  return `${sent} sent, ${once} received once, ${twice} twice, ${lost.length} lost`;
}
