/**
 * The predicted matrix of an inspection in the transcript.
 *
 * @module
 */

import type { Cell, Matrix } from "../../evidence/evidence.ts";
import { escapeText } from "../../evidence/escape.ts";
import { groupPredictions, isExpected, type PredictedGroup, reasonOf } from "../predictions.ts";
import { WIDTH, wrapList } from "../wrap.ts";
import { folded, oneLine } from "./lines.ts";
import type { Palette } from "./palette.ts";

/**
 * Renders what the holder of the packet sockets may do: operations by outcome. If `verbose`, one by
 * one with the reasons.
 */
export function renderPredictions(
  matrix: Matrix | null,
  paint: Palette,
  verbose: boolean,
): string[] {
  if (matrix === null) return [];
  return [
    paint.heading("What the process may do (predicted; nothing was tried):"),
    ...verbose
      ? renderEach(matrix, paint)
      : groupPredictions(matrix).flatMap((group) => renderGroup(group, paint)),
  ];
}

function renderGroup(group: PredictedGroup, paint: Palette): string[] {
  const { heading, operations, isExpected } = group;
  const text = oneLine(`${operations.length} ${heading}`, WIDTH - 3);
  return [
    `  ${isExpected ? text : paint.fail(text)}:`,
    ...wrapList(operations.map(escapeText), WIDTH - 6).map((line) => `      ${line}`),
  ];
}

/** One line an operation. Packet sockets with different outcomes have a line each. */
function renderEach({ columns, rows }: Matrix, paint: Palette): string[] {
  const lines = rows.flatMap(({ operation, cells }) => {
    const outcomes = Map.groupBy(
      columns.filter((column) => cells[column] !== undefined),
      (column) => describeCell(cells[column]),
    );
    return [...outcomes].map(([outcome, same], i) => ({
      name: i === 0 ? operation : "",
      text: same.length === columns.length ? outcome : `${same.join(", ")}: ${outcome}`,
      isExpected: same.every((column) => isExpected(cells[column])),
    }));
  });
  const width = Math.max(0, ...lines.map(({ name }) => name.length));
  return lines.flatMap(({ name, text, isExpected }) => {
    const all = folded(`  ${escapeText(name.padEnd(width))}  `, text);
    return isExpected ? all : all.map(paint.fail);
  });
}

function describeCell(cell: Cell): string {
  const { outcome, wall = null, known } = cell;
  const expected = isExpected(cell) ? "" : `, expected: ${known}`;
  const why = [wall, reasonOf(cell)].filter((each) => each !== null).join(": ");
  return `${outcome}${expected}${why === "" ? "" : ` (${why})`}`;
}
