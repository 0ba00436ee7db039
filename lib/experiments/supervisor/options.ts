/**
 * The options of the supervisor experiment: how many workers, how frames are shared among them, how
 * often a worker is killed, and which user each worker becomes.
 *
 * @module
 */

import type { Identity } from "../../../ffi/process/credentials.ts";
import { UsageError } from "../../evidence/errors.ts";
import type { FanoutMode } from "./fanout_group.ts";

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
 * Returns the user that each of `count` workers becomes: its own one of a range, or the same for
 * all.
 *
 * @param identities The users that `--user` names.
 * @throws {UsageError} If `--user` names a range with fewer users than workers.
 */
export function identitiesFor(count: number, identities: readonly Identity[]): Identity[] {
  if (identities.length > 1 && identities.length < count) {
    throw new UsageError(
      `--user: ${count} users are wanted, for ${count - 1} workers and one more, ` +
        `not ${identities.length}`,
    );
  }
  return Array.from({ length: count }, (_, i) => identities[i] ?? identities[0]);
}
