/**
 * The options of an inspection, as the command line gives them and after every name is looked up.
 *
 * @module
 */

import { findGroupIds } from "../../host/users.ts";

/** The claims that an inspected process must meet. */
export const EXPECTATIONS = ["dropped", "confined"] as const;

/**
 * `dropped`: no privilege is left, and none can be regained. `confined`: also, every operation with
 * its packet sockets but receiving is refused.
 */
export type Expectation = typeof EXPECTATIONS[number];

/** The options of an inspection, before any name is looked up. */
export interface InspectOptions {
  /** The processes, by their ids in `/proc`. */
  readonly pids: readonly number[];
  readonly expect: Expectation;
  /** Whether to stop each process for a moment, read its filters, and ask in its threads. */
  readonly ask: boolean;
  /** Whether to inspect the descendants of each process too. */
  readonly tree: boolean;
  /** The groups that a process may have beside its own, by name or number. */
  readonly groups: readonly string[];
  /** The longest that the inspection of one process may take, in seconds. */
  readonly timeout: number;
}

/** The default time limit of the inspection of one process, in seconds. */
export const DEFAULT_TIMEOUT = 10;

/** The largest process id that any Linux can give. Source: `PID_MAX_LIMIT`; proc_sys_kernel(5). */
export const PID_LIMIT = 4_194_304;

/** The most processes that one command line may name. */
export const PROCESS_LIMIT = 1000;

/** The claims that a process is held against. */
export interface Terms {
  readonly expect: Expectation;
  /** The gids that it may have beside its own. */
  readonly groups: ReadonlySet<number>;
}

/**
 * Looks up the names of the groups.
 *
 * @throws {UsageError} If there is no such group.
 */
export function findTerms({ expect, groups }: InspectOptions): Terms {
  return { expect, groups: new Set(findGroupIds(groups)) };
}
