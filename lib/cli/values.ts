/**
 * The values of options that several commands have.
 *
 * @module
 */

import { type CheckId, CHECKS, isCheckId } from "../evidence/checks.ts";
import { UsageError } from "../evidence/errors.ts";
import { didYouMean } from "./suggestion.ts";

/** The longest time limit of an experiment or an inspection, in seconds. */
export const TIMEOUT_LIMIT = 3600;

/**
 * Returns the time limit, in seconds; `undefined` if none is given.
 *
 * @throws {UsageError} If it is no number, or out of range.
 */
export function asTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds <= 0 || seconds > TIMEOUT_LIMIT) {
    throw new UsageError(
      `--timeout must be a number of seconds above 0, up to ${TIMEOUT_LIMIT}, not ${
        JSON.stringify(text)
      }`,
    );
  }
  return seconds;
}

/**
 * Returns the id of a check, which may be given in lower case.
 *
 * @throws {UsageError} If there is no such check.
 */
export function asCheckId(text: string): CheckId {
  const id = text.toUpperCase();
  if (isCheckId(id)) return id;
  throw new UsageError(
    `--explain: there is no check ${JSON.stringify(text)}: ` +
      didYouMean(id, Object.keys(CHECKS), "--list --verbose shows all checks"),
  );
}
