/**
 * The predictions as a matrix of the evidence.
 *
 * @module
 */

import type { Matrix } from "../../evidence/evidence.ts";
import { OPERATION_CATALOGUE, OPERATION_NAMES } from "../../evidence/operations.ts";
import type { Predictions } from "./judge/confinement.ts";

/** Returns the matrix: a row for each operation, a column for each packet socket. */
export function asMatrix(predictions: Predictions): Matrix {
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
            known: null,
            rule: wall === "filter" ? reason : null,
            refusal: reason,
            wall,
          },
        ]),
      ),
    })),
  };
}
