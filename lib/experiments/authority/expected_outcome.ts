/**
 * The columns of the table, each a set of protections, and the outcome expected of an operation in
 * each of them.
 *
 * @module
 */

import { ALL_PROTECTIONS, type Protection } from "../../confine/protections.ts";
import { NOT_TRIED } from "../../evidence/evidence.ts";
import type { Operation, Outcome } from "./operation.ts";

/** The column of the socket as it was passed. */
export const PLAIN = "plain";
/** The column of all protections together. */
export const HARDENED = "hardened";

/** A set of protections under which every operation is attempted. */
export interface Column {
  readonly name: string;
  readonly chosen: readonly Protection[];
}

/** The socket as it was passed, each protection alone, all protections together. */
export const COLUMNS: readonly Column[] = [
  { name: PLAIN, chosen: [] },
  ...ALL_PROTECTIONS.map((protection) => ({ name: protection, chosen: [protection] })),
  { name: HARDENED, chosen: ALL_PROTECTIONS },
];

/**
 * Returns the outcome expected of an operation in a column.
 *
 * @param hasRing Whether the hardened worker receives by a ring of its own, which it may then
 * enter.
 */
export function expectedOutcome(
  { whyNotTried, plain, under, hardened, hardenedWithRing }: Operation,
  column: string,
  hasRing = false,
): Outcome {
  if (whyNotTried?.() !== undefined) return NOT_TRIED;
  const asPassed = typeof plain === "string" ? plain : plain();
  if (column === PLAIN) return asPassed;
  if (column === HARDENED) return hasRing && hardenedWithRing || (hardened ?? "EPERM");
  return under?.[column as Protection] ?? (column === "receive-only" ? "EPERM" : asPassed);
}
