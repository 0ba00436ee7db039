/**
 * Killing workers in mid-stream: at random times, and so often that one is given up.
 *
 * @module
 */

import { pause } from "../../host/pause.ts";
import { FAILURES_TOLERATED } from "./restart_policy.ts";
import type { Seat } from "./seat.ts";
import type { Supervisor } from "./supervisor.ts";

/** The average time between two kills, in milliseconds. */
const KILL_INTERVAL = 60;

/** Which workers may be killed. */
export interface Victims {
  /** Only a worker that holds a frame, as far as the parent can see. */
  readonly inHand?: boolean;
  /** Only a worker with at most this many frames waiting. */
  readonly maxBacklog?: number;
  /** Returns the error if there is no such worker for a while; `undefined` to wait on. */
  readonly whyNone?: () => Error | undefined;
}

/** How long to wait for a worker that may be killed, in milliseconds. */
const PATIENCE = 5000;

/** Frames that the workers received while one seat was given up, and afterwards. */
export interface Shares {
  /** Whether the seat was given up. If not, the frames are not counted. */
  readonly isGivenUp: boolean;
  /** How many workers of the seat ended before it was given up. */
  readonly failures: number;
  /** Frames that the kernel put into the seat's socket while it was given up. */
  readonly whileGivenUp: number;
  /** Frames that the seat's next worker received. */
  readonly afterRevival: number;
  /** Frames that the other workers received while the seat was given up. */
  readonly others: number;
}

/**
 * Kills workers at random times while they receive, then waits until every seat is served.
 *
 * @returns How long the supervisor took to notice each death, in milliseconds.
 * @throws {ExperimentError} If time runs out.
 */
export async function killAtRandom(
  supervisor: Supervisor,
  kills: number,
  { inHand = false, maxBacklog = Infinity, whyNone }: Victims = {},
): Promise<number[]> {
  const noticed: number[] = [];
  for (let killed = 0; killed < kills; killed++) {
    await pause(Math.random() * 2 * KILL_INTERVAL);
    const seat = await awaitBusySeat(supervisor, maxBacklog, whyNone);
    const ends = seat.ends.length;
    if (inHand) await supervisor.until(() => seat.progress.isInHand, within(whyNone));
    const at = performance.now();
    supervisor.kill(seat);
    await supervisor.until(() => seat.ends.length > ends);
    noticed.push(seat.ends[ends].at - at);
  }
  await supervisor.until(() => supervisor.seats.every(({ state }) => state === "serving"));
  return noticed;
}

/** Waits for a worker in mid-stream: it has received something and little is waiting. */
async function awaitBusySeat(
  supervisor: Supervisor,
  maxBacklog: number,
  whyNone: (() => Error | undefined) | undefined,
): Promise<Seat> {
  const busy = () =>
    supervisor.seats.filter((seat) =>
      seat.state === "serving" && seat.doneByWorker > 0 && seat.backlog() <= maxBacklog
    );
  await supervisor.until(() => busy().length > 0, within(whyNone));
  return randomItem(busy());
}

/** Returns how long to wait, and the error after that; `undefined` to wait until time runs out. */
const within = (whyNot: (() => Error | undefined) | undefined) =>
  whyNot && { patience: PATIENCE, whyNot };

/** How many workers of a seat may end before the seat counts as one that is never given up. */
const MOST_FAILURES = 3 * FAILURES_TOLERATED;

/**
 * Kills each worker of the first seat as soon as it exists, until the seat is given up; revives the
 * seat later.
 *
 * @param time How long the seat stays given up, and how long it is watched afterwards, in
 * milliseconds.
 * @throws {ExperimentError} If time runs out.
 */
export async function killUntilGivenUp(supervisor: Supervisor, time: number): Promise<Shares> {
  const [seat] = supervisor.seats;
  const ends = seat.ends.length;
  let killed: number | undefined;
  while (seat.state !== "given up") {
    const failures = seat.ends.length - ends;
    if (failures > MOST_FAILURES) {
      return { isGivenUp: false, failures, whileGivenUp: 0, afterRevival: 0, others: 0 };
    }
    await supervisor.until(() => seat.state === "given up" || (seat.pid ?? killed) !== killed);
    killed = seat.pid;
    supervisor.kill(seat);
  }
  const others = () =>
    supervisor.seats.reduce((sum, each) => sum + (each === seat ? 0 : each.progress.count), 0);
  const [before, othersBefore] = [seat.progress.count, others()];
  const { packets } = seat.statistics();
  await pause(time);
  const whileGivenUp = seat.statistics().packets - packets;
  const othersMeanwhile = others() - othersBefore;
  await supervisor.revive(seat);
  await pause(time);
  return {
    isGivenUp: true,
    failures: seat.ends.length - ends,
    whileGivenUp,
    afterRevival: seat.progress.count - before,
    others: othersMeanwhile,
  };
}

const randomItem = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)];
