/**
 * The errors that end a run without a verdict of its checks, and the exit statuses.
 *
 * @module
 */

import type { Verdict } from "./evidence.ts";

/** An argument is wrong. The message names it, and a right one. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The question cannot be answered on this machine. */
export class CannotAnswer extends Error {
  override readonly name = "CannotAnswer";

  /**
   * @param message The thing that is missing.
   * @param remedy Something that would help: a command, a package, a setting.
   */
  constructor(message: string, readonly remedy: string) {
    super(message);
  }
}

/** The experiment could not go on: its child died or broke the protocol, or time ran out. */
export class ExperimentError extends Error {
  override readonly name = "ExperimentError";
}

/** The parent may not inspect the child here, so a claim is neither shown nor refuted. */
export class CannotLook extends Error {
  override readonly name = "CannotLook";
}

/**
 * An interface of the run has changed while it went on, so what was seen on it shows nothing. The
 * message is the event and its remedy.
 */
export class InterfaceChanged extends Error {
  override readonly name = "InterfaceChanged";

  /**
   * @param event What has happened, such as `"eth0" went down during the run`.
   * @param remedy What to do about it, as the end of a sentence.
   */
  constructor(readonly event: string, remedy: string) {
    super(`${event}: ${remedy}`);
  }
}

/**
 * Returns the errors that a `SuppressedError` holds, the first one first: the original error, and
 * those of the clean-up after it. Any other value is returned as the only element.
 */
export function errorsIn(error: unknown): unknown[] {
  if (!(error instanceof SuppressedError)) return [error];
  return [...errorsIn(error.suppressed), ...errorsIn(error.error)];
}

/** The exit statuses of the command line. */
export const Exit = {
  /** Every check holds. */
  PASS: 0,
  /** A claim is refuted, or a planned check never ran. */
  FAIL: 1,
  /** An argument is wrong. */
  USAGE: 2,
  /** The question could not be answered here. */
  INCONCLUSIVE: 4,
  /** A defect of fdpass itself. */
  DEFECT: 70,
} as const satisfies Record<Verdict, number> & Record<string, number>;
