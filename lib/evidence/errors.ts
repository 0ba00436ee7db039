/**
 * The errors that end a run without a verdict of its checks, and the exit statuses.
 *
 * They tell apart who ended it: the child ({@linkcode ExperimentError}), which is a failure, or its
 * surroundings ({@linkcode CutShort}, {@linkcode CannotLook}, {@linkcode CannotAnswer}), which
 * leaves the question open.
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

/**
 * The child ended the experiment early: it died, fell silent, gave up or broke the protocol. The
 * checks that it left open fail.
 */
export class ExperimentError extends Error {
  override readonly name: string = "ExperimentError";
}

/** A system call that failed, by the name of the call and its error number. */
export interface FailedCall {
  readonly syscall: string;
  readonly errno: number;
}

/** The child gave up, as it reports itself. */
export class ChildGaveUp extends ExperimentError {
  override readonly name = "ChildGaveUp";

  /** @param call The call that failed, as the child reports it; `undefined` if it names none. */
  constructor(message: string, readonly call: FailedCall | undefined) {
    super(message);
  }
}

/** The child's process ended before the experiment was over, or with an error. */
export class ChildDied extends ExperimentError {
  override readonly name = "ChildDied";

  /**
   * @param whole Resolves to the message once the end is known, if `message` does not name it.
   * @param excuse Why root's own control failed in the same way at that moment; `undefined` if it
   * did not, or was not made.
   */
  constructor(message: string, readonly whole?: Promise<string>, readonly excuse?: string) {
    super(message);
  }
}

/**
 * Something other than the child ended the experiment early: a signal, the time limit, or a system
 * call that is refused to root as well. Nothing is refuted by that, so the checks that are still
 * open are skipped.
 */
export class CutShort extends Error {
  override readonly name: string = "CutShort";

  /**
   * @param message The cause.
   * @param remedy Something that would help; null if nothing is known.
   */
  constructor(message: string, readonly remedy: string | null = null) {
    super(message);
  }
}

/** The time limit of the run was reached. */
export class TimeRanOut extends CutShort {
  override readonly name = "TimeRanOut";

  /** @param timeout The time limit, in milliseconds. */
  constructor(readonly timeout: number) {
    super(`Time ran out after ${timeout / 1000} s`, "allow more time with --timeout");
  }
}

/** The parent may not inspect the child here, so a claim is neither shown nor refuted. */
export class CannotLook extends Error {
  override readonly name = "CannotLook";
}

/** An interface of the run has changed while it went on, so what was seen on it shows nothing. */
export class InterfaceChanged extends CutShort {
  override readonly name = "InterfaceChanged";

  /**
   * @param event What has happened, such as `"eth0" went down during the run`.
   * @param remedy What to do about it, as the end of a sentence.
   */
  constructor(readonly event: string, remedy: string) {
    super(event, remedy);
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
  /** A claim is refuted, or the child left a planned check open. */
  FAIL: 1,
  /** An argument is wrong. */
  USAGE: 2,
  /** The question could not be answered here. */
  INCONCLUSIVE: 4,
  /** A defect of fdpass itself. */
  DEFECT: 70,
} as const satisfies Record<Verdict, number> & Record<string, number>;
