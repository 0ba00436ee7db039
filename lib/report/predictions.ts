/**
 * The matrix of an inspection in groups: operations with the same outcome for the same reason.
 *
 * @module
 */

import { CANNOT_TELL, type Cell, type Matrix, REFUSED } from "../evidence/evidence.ts";
import { first } from "./wrap.ts";

/** What an outcome is: the operation is allowed, pointless, refused, or not known. */
export type OutcomeKind = "allowed" | "no effect" | "refused" | "unknown";

/** Operations with the same outcome for the same reason. */
export interface PredictedGroup {
  readonly kind: OutcomeKind;
  /** Whether it is the outcome that is expected, or none is expected. */
  readonly isExpected: boolean;
  /** Such as `refused with EPERM by its credentials`. */
  readonly heading: string;
  /** Each operation, followed by its packet sockets if others differ. */
  readonly operations: readonly string[];
}

const WALLS: Readonly<Record<string, string>> = {
  credential: "its credentials",
  filter: "its system call filter",
  lock: "the lock of the socket's filter",
  pin: "the fanout group",
  namespace: "a namespace or root folder",
  limit: "a resource limit",
  kernel: "the kernel",
};

/** Returns what an outcome is. */
export function kindOf({ outcome }: Cell): OutcomeKind {
  if (outcome === "allowed" || outcome === "no effect") return outcome;
  return outcome === CANNOT_TELL ? "unknown" : "refused";
}

/**
 * Whether an outcome is expected, or none is. What cannot be told contradicts nothing. An errno
 * without a wall is no refusal: the operation fails for another reason, and may succeed later.
 */
export function isExpected(cell: Cell): boolean {
  const { outcome, known, wall = null } = cell;
  const kind = kindOf(cell);
  if (known === null || kind === "unknown" || outcome === known) return true;
  return known === REFUSED && (kind === "no effect" || (kind === "refused" && wall !== null));
}

/** Returns the reason for an outcome; null if there is none. */
export function reasonOf({ rule, refusal = null }: Cell): string | null {
  return rule ?? refusal;
}

/** Groups the operations: what is allowed first, what is refused last. */
export function groupPredictions({ columns, rows }: Matrix): PredictedGroup[] {
  const groups = new Map<string, { cell: Cell; columns: Map<string, string[]> }>();
  for (const { operation, cells } of rows) {
    for (const column of columns) {
      const cell = cells[column];
      if (cell === undefined) continue;
      const key = JSON.stringify([isExpected(cell), headingOf(cell)]);
      const group = groups.getOrInsertComputed(key, () => ({ cell, columns: new Map() }));
      group.columns.getOrInsertComputed(operation, () => []).push(column);
    }
  }
  return [...groups.values()].map(({ cell, columns: byOperation }) => ({
    kind: kindOf(cell),
    isExpected: isExpected(cell),
    heading: headingOf(cell),
    operations: [...byOperation].map(([operation, of]) =>
      of.length === columns.length ? operation : `${operation} (${first(of, 3).join(", ")})`
    ),
  })).sort((a, b) => rank(a) - rank(b));
}

const ORDER: readonly OutcomeKind[] = ["allowed", "unknown", "no effect", "refused"];

const rank = ({ kind, isExpected }: Pick<PredictedGroup, "kind" | "isExpected">) =>
  (isExpected ? ORDER.length : 0) + ORDER.indexOf(kind);

/** The reason behind a wall that does not explain itself. */
function whyOf(cell: Cell): string {
  const reason = reasonOf(cell);
  const isPlain = cell.wall !== "kernel" && cell.wall !== "namespace";
  return reason === null || isPlain ? "" : ` (${reason})`;
}

function headingOf(cell: Cell): string {
  const { outcome, wall = null, known } = cell;
  const kind = kindOf(cell);
  const by = wall === null ? "" : ` by ${WALLS[wall] ?? wall}${whyOf(cell)}`;
  const against = isExpected(cell)
    ? ""
    : known === REFUSED
    ? " that should be refused"
    : `; expected: ${known}`;
  if (kind === "unknown") {
    return `cannot be told (${reasonOf(cell) ?? "what decides was not seen"})`;
  }
  if (kind !== "refused") return `${outcome}${against}`;
  return (outcome === "killed" ? `killed${by}` : `refused with ${outcome}${by}`) + against;
}
