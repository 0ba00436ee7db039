/**
 * The predictions as a matrix of the evidence.
 *
 * @module
 */

import { type Matrix, REFUSED } from "../../evidence/evidence.ts";
import {
  OPERATION_CATALOGUE,
  OPERATION_NAMES,
  type OperationName,
} from "../../evidence/operations.ts";
import type { Predictions } from "./judge/confinement.ts";
import type { Terms } from "./options.ts";

/**
 * Returns the matrix: a row for each operation, a column for each packet socket. A refusal is
 * expected of every operation in a confined process, and otherwise of a new packet socket alone.
 */
export function asMatrix(predictions: Predictions, { expect }: Pick<Terms, "expect">): Matrix {
  const isForbidden = (operation: OperationName) =>
    expect === "confined" || operation === "packet-socket";
  const columns = new Set([...predictions.values()].flatMap((cells) => [...cells.keys()]));
  return {
    columns: [...columns],
    rows: OPERATION_NAMES.map((operation) => ({
      operation,
      ...OPERATION_CATALOGUE[operation],
      cells: Object.fromEntries(
        [...predictions.get(operation) ?? []].map(([column, { outcome, wall, reason }]) => [
          column,
          {
            outcome,
            known: isForbidden(operation) ? REFUSED : null,
            rule: wall === "filter" ? reason : null,
            refusal: reason,
            wall,
          },
        ]),
      ),
    })),
  };
}
