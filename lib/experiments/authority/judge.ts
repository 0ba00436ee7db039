/**
 * The findings of `authority`: pure functions of the table of operations, columns and outcomes.
 *
 * @module
 */

import {
  type Cell,
  type Finding,
  judged,
  type Matrix,
  NOT_TRIED,
} from "../../evidence/evidence.ts";
import { HARDENED } from "./expected_outcome.ts";
import type { Operation } from "./operation.ts";

/** The outcomes of each operation, by the name of the column. */
export type Table = ReadonlyMap<Operation, ReadonlyMap<string, Cell>>;

/** Returns whether an operation was attempted and had the expected outcome. */
export function isAsExpected(cell: Cell | undefined): boolean {
  return cell !== undefined && cell.outcome === cell.known;
}

/**
 * Returns the operations that are allowed in a column. One that was never attempted there counts as
 * allowed.
 */
export function allowedIn(table: Table, column: string): string[] {
  return [...table]
    .filter(([, cells]) => (cells.get(column)?.outcome ?? "allowed") === "allowed")
    .map(([{ name }]) => name);
}

/** Returns the operations that cannot be tried on this machine, each with the reason. */
export function operationsNotTried(table: Table): string[] {
  return [...table.keys()].flatMap(({ name, whyNotTried }) => {
    const reason = whyNotTried?.();
    return reason === undefined ? [] : [`Not tried: ${name}: ${reason}`];
  });
}

/**
 * AUTH-01, AUTH-02: every operation has the expected outcome in these columns.
 *
 * @param notTried The operations that cannot be tried here, with the reasons.
 */
export function judgeColumns(
  table: Table,
  columns: readonly string[],
  notTried: readonly string[],
): Finding {
  const cells = [...table].flatMap(([{ name }, row]) =>
    columns.map((column) => ({ operation: name, column, ...row.get(column) }))
  );
  const differing = cells.filter(({ outcome, known }) =>
    outcome === undefined || outcome !== known
  );
  const differences = differing.map(({ operation, column, outcome, refusal, known }) =>
    `${operation} (${column}): ${outcome}${refusal ? ` (${refusal})` : ""}, expected: ${known}`
  );
  const tried = cells.filter(({ outcome }) => outcome !== NOT_TRIED).length;
  const left = tried === cells.length ? "" : `, ${cells.length - tried} not tried`;
  return judged(
    columns.length > 0 && differing.length === 0,
    differing.length === 0 ? `${tried} of ${tried} as expected${left}` : differences.join("; "),
    { differing, not_tried: notTried },
  );
}

/** AUTH-03: under all protections no operation is allowed, and each is refused as expected. */
export function judgeRefusal(table: Table, notTried: readonly string[]): Finding {
  const allowed = allowedIn(table, HARDENED);
  if (allowed.length === 0) return judgeColumns(table, [HARDENED], notTried);
  return judged(false, `allowed: ${allowed.join(", ")}`);
}

/** Returns the table in the form of the evidence. */
export function asMatrix(table: Table, columns: readonly string[]): Matrix {
  return {
    columns,
    rows: [...table].map(([{ name, gives, source }, cells]) => ({
      operation: name,
      gives,
      source,
      cells: Object.fromEntries(cells),
    })),
  };
}
