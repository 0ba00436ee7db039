/**
 * The options of the supervisor experiment: how many workers, how frames are shared among them, how
 * often a worker is killed, and which user each worker becomes.
 *
 * @module
 */

import type { Identity } from "../../../ffi/process/credentials.ts";
import { UsageError } from "../../evidence/errors.ts";
import { asWholeNumber, type ExperimentOptions } from "../../harness/options.ts";
import { FANOUT_MODES, type FanoutMode, isFanoutMode } from "./fanout_group.ts";

/** The options of one run. */
export interface Supervision {
  readonly workers: number;
  /** How the worker of a frame is chosen. */
  readonly fanout: FanoutMode;
  /** How many times a worker is killed. */
  readonly kills: number;
  /** Frames per second. */
  readonly rate: number;
}

/**
 * The most workers. The runtime waits for each on a thread of its own, of which it has 32. The
 * kernel would take 256 sockets.
 */
export const WORKER_LIMIT = 16;

/**
 * The most kills, and the most frames per second: as many as one process can manage.
 */
export const KILL_LIMIT = 10_000, RATE_LIMIT = 50_000;

/** The options of the supervisor. */
export const supervisorOptions: ExperimentOptions<Supervision> = {
  names: ["workers", "fanout", "kills", "rate"],
  parse: (value) => ({
    workers: asWholeNumber("workers", value("workers") ?? "2", 1, WORKER_LIMIT),
    fanout: asFanoutMode(value("fanout") ?? "hash"),
    kills: asWholeNumber("kills", value("kills") ?? "10", 1, KILL_LIMIT),
    rate: asWholeNumber("rate", value("rate") ?? "2000", 100, RATE_LIMIT),
  }),
  find: (supervision) => supervision,
};

function asFanoutMode(text: string): FanoutMode {
  if (isFanoutMode(text)) return text;
  throw new UsageError(
    `--fanout must be one of ${Object.keys(FANOUT_MODES).join(", ")}, not ${JSON.stringify(text)}`,
  );
}

/**
 * Returns the user that each of `count` workers becomes: a different one for each if `--user` names
 * a range, and the same one for all otherwise.
 *
 * @param identities The users that `--user` names.
 * @throws {UsageError} If `--user` names a range with fewer users than workers.
 */
export function identitiesFor(count: number, identities: readonly Identity[]): Identity[] {
  if (identities.length > 1 && identities.length < count) {
    throw new UsageError(
      `--user: ${count} users are needed, for ${count - 1} workers and one more, ` +
        `not ${identities.length}`,
    );
  }
  return Array.from({ length: count }, (_, i) => identities[i] ?? identities[0]);
}
