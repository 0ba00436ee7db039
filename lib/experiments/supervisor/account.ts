/**
 * The account of a stream: how many of the frames sent were received once, twice, or never.
 *
 * @module
 */

/** The account of a stream. */
export interface Account {
  readonly sent: number;
  readonly once: number;
  readonly twice: number;
  /** The numbers of the frames that no worker received. */
  readonly lost: readonly number[];
  /** The number of frames that are not of the stream. */
  readonly foreign: number;
}

/**
 * Draws up the account of a stream.
 *
 * @param sent The number of frames sent. They are numbered from 0.
 * @param journals For each worker, the numbers of the frames that it received. A number that was
 * never sent is foreign.
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

/** Returns the account in words. */
export function describeAccount({ sent, once, twice, lost }: Account): string {
  return `${sent} sent, ${once} received once, ${twice} twice, ${lost.length} lost`;
}
