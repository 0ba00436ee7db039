/**
 * How a run may end, other than by a verdict, and the exit status of each.
 *
 * @module
 */

import type { Verdict } from "./evidence.ts";

/** An argument is wrong. The message names it, and what would be right. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The question cannot be answered here. */
export class CannotAnswer extends Error {
  override readonly name = "CannotAnswer";

  /**
   * @param message What is missing.
   * @param remedy What would help: a command, a package, a setting.
   */
  constructor(message: string, readonly remedy: string) {
    super(message);
  }
}

/** The experiment could not go on: its child died, said something that it may not say, or time ran out. */
export class ExperimentError extends Error {
  override readonly name = "ExperimentError";
}

/** The child cannot be looked at here, so a claim stays open: neither shown nor refuted. */
export class CannotLook extends Error {
  override readonly name = "CannotLook";
}

/** What an error is about: where tidying up after one failed as well, both, the first one first. */
export function errorsIn(error: unknown): unknown[] {
  if (!(error instanceof SuppressedError)) return [error];
  return [...errorsIn(error.suppressed), ...errorsIn(error.error)];
}

/** The exit statuses of the command line. */
export const Exit = {
  /** Every check holds. */
  PASS: 0,
  /** A claim is refuted, or was to be judged and never was. */
  FAIL: 1,
  /** An argument is wrong. */
  USAGE: 2,
  /** Could not be answered here. */
  INCONCLUSIVE: 4,
  /** A defect of fdpass itself. */
  DEFECT: 70,
} as const satisfies Record<Verdict, number> & Record<string, number>;
