/**
 * The matrix of the experiment `authority` in the transcript.
 *
 * @module
 */

import type { Cell, Matrix } from "../../evidence/evidence.ts";
import { escapeText } from "../../evidence/escape.ts";
import type { Palette } from "./palette.ts";

/**
 * Renders the matrix: the outcome of each operation without protections and under all of them, and
 * the protections that take it away. If `verbose`, every column.
 */
export function renderMatrix(matrix: Matrix | null, paint: Palette, verbose: boolean): string[] {
  if (matrix === null) return [];
  const { columns, rows } = matrix;
  const alone = columns.filter((name) => name !== "plain" && name !== "hardened");
  const shown = verbose ? columns : ["plain", "hardened"];
  const heading = ["operation", ...shown, ...verbose ? [] : ["taken away by"]];
  const table = rows.map(({ operation, cells }) => {
    const plain = cells.plain?.outcome;
    const takers = alone.filter((name) => plain === "allowed" && cells[name]?.outcome !== plain);
    const outcomes = shown.map((name) => describeCell(cells[name]));
    return [operation, ...outcomes, ...verbose ? [] : [takers.join(", ")]];
  });
  const widths = heading.map((_, i) =>
    Math.max(...[heading, ...table].map((row) => row[i].length))
  );
  const line = (row: readonly string[]) =>
    `  ${row.map((word, i) => word.padEnd(widths[i])).join("  ")}`.trimEnd();
  return [
    paint.heading("What the holder of the socket may do:"),
    paint.detail(line(heading)),
    ...table.map(line).map(escapeText),
    "",
  ];
}

/** Formats an outcome. The expected outcome follows if it differs. */
function describeCell(cell: Cell | undefined): string {
  if (cell === undefined) return "never tried";
  return cell.outcome === cell.known ? cell.outcome : `${cell.outcome} (expected: ${cell.known})`;
}
