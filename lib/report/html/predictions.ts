/**
 * The predicted matrix of an inspection, as a table.
 *
 * @module
 */

import type { Cell, Matrix } from "../../evidence/evidence.ts";
import { isExpected, kindOf, reasonOf } from "../predictions.ts";
import { renderMeanings } from "./figures.ts";
import { html, type Markup, NOTHING } from "./markup.ts";

const CAPTION =
  "Predicted from what the kernel reports of the process; nothing was tried. Under an outcome stands the wall " +
  "that refuses the operation. Bold: an operation that is allowed. An outcome that must not be has the expected " +
  "one beside it.";

/** The most packet sockets that have a column. */
const COLUMN_LIMIT = 64;

/** Renders what the process may do with each of its packet sockets. */
export function renderPredictions(matrix: Matrix | null): Markup {
  if (matrix === null) return NOTHING;
  const columns = matrix.columns.slice(0, COLUMN_LIMIT);
  const left = matrix.columns.length - columns.length;
  const rows = matrix.rows.map(({ operation, gives, source, cells }) =>
    html`<tr><th scope="row" title="${`${gives}; ${source}`}">${operation}</th>${
      columns.map((column) => renderCell(cells[column]))
    }<td class="why">${reasons(columns.map((column) => cells[column]))}</td></tr>`
  );
  return html`
    <h3>What it may do</h3>
    <div class="scroll" tabindex="0" role="group" aria-label="Predicted authority matrix">
      <table class="matrix">
        <caption>${CAPTION}${left > 0 ? ` ${left} more sockets are in the JSON.` : ""}</caption>
        <thead>
          <tr><th scope="col">Operation</th>${columns.map((column) =>
            html`<th scope="col">${column}</th>`
          )}<th scope="col">Why</th></tr>
        </thead>
        <tbody>
    ${rows}</tbody>
      </table>
    </div>
    ${renderMeanings(matrix)}
  `;
}

/** The reasons of a row, each once. */
function reasons(cells: readonly (Cell | undefined)[]): string {
  const all = cells.flatMap((cell) => cell === undefined ? [] : reasonOf(cell) ?? []);
  return [...new Set(all)].join("; ");
}

function renderCell(cell: Cell | undefined): Markup {
  if (cell === undefined) return html`<td class="same">–</td>`;
  const { outcome, known, wall = null } = cell;
  const look = !isExpected(cell) ? "otherwise" : kindOf(cell) === "allowed" ? "allowed" : "same";
  return html`<td class="${look}">${outcome}${
    isExpected(cell) ? NOTHING : ` (expected: ${known})`
  }${wall === null ? NOTHING : html`<br><span class="wall">${wall}</span>`}</td>`;
}
