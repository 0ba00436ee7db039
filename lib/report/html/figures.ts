/**
 * The figures of a run and the matrix of operations, as tables.
 *
 * @module
 */

import type { Cell, Matrix } from "../../evidence/evidence.ts";
import { html, type Markup, NOTHING } from "./markup.ts";

/** Renders the figures of an experiment. Those named `NAME: MEASURE` have their own table. */
export function renderFigures(figures: Readonly<Record<string, number>>): Markup {
  const names = Object.keys(figures);
  if (names.length === 0) return NOTHING;
  const series = names.filter((name) => name.includes(": "));
  const single = names.filter((name) => !series.includes(name));
  return html`<h3>Figures</h3>
${series.length === 0 ? NOTHING : renderSeries(series, figures)}${
    single.length === 0 ? NOTHING : renderSingle(single, figures)
  }`;
}

function split(name: string): [subject: string, measure: string] {
  const cut = name.lastIndexOf(": ");
  return [name.slice(0, cut), name.slice(cut + 2)];
}

function renderSeries(names: readonly string[], figures: Readonly<Record<string, number>>): Markup {
  const subjects = [...new Set(names.map((name) => split(name)[0]))];
  const measures = [...new Set(names.map((name) => split(name)[1]))];
  const [charted] = measures;
  const most = Math.max(...subjects.map((subject) => figures[`${subject}: ${charted}`] ?? 0));
  return html`
    <div class="scroll" tabindex="0" role="group" aria-label="Figures by name">
      <table class="bars">
        <caption>Measured in this run, for each separately. The bar shows ${charted}.</caption>
        <thead>
          <tr><th scope="col">Name</th>${measures.map((measure) =>
            html`<th scope="col" class="number">${inWords(measure)}</th>`
          )}<th scope="col"><span class="hidden">Bar of ${charted}</span></th></tr>
        </thead>
        <tbody>
    ${subjects.map((subject) =>
      html`<tr><th scope="row">${subject}</th>${
        measures.map((measure) =>
          html`<td class="number">${inNumbers(figures[`${subject}: ${measure}`])}</td>`
        )
      }<td>${bar(figures[`${subject}: ${charted}`] ?? 0, most)}</td></tr>`
    )}</tbody>
      </table>
    </div>
  `;
}

function renderSingle(names: readonly string[], figures: Readonly<Record<string, number>>): Markup {
  const times = names.filter((name) => name.includes("_ms"));
  const most = Math.max(0, ...times.map((name) => figures[name]));
  return html`
    <div class="scroll" tabindex="0" role="group" aria-label="Single figures">
      <table class="bars">
        <caption>Measured in this run. Bars show milliseconds, all to one scale.</caption>
        <thead>
          <tr>
            <th scope="col">Figure</th>
            <th scope="col" class="number">Value</th>
            <th scope="col"><span class="hidden">Bar</span></th>
          </tr>
        </thead>
        <tbody>
    ${names.map((name) =>
      html`
        <tr>
          <th scope="row">${inWords(name)}</th>
          <td class="number">${inNumbers(figures[name])}</td>
          <td>${times.includes(name) ? bar(figures[name], most) : NOTHING}</td>
        </tr>
      `
    )}</tbody>
      </table>
    </div>
  `;
}

/** Draws a bar. The number beside it has the same information. */
function bar(value: number, most: number): Markup {
  const percent = most > 0 ? Math.max(0, Math.min(100, value / most * 100)) : 0;
  return html`<span class="bar" style="width:${percent.toFixed(1)}%"></span>`;
}

function inWords(name: string): string {
  return name.replace(/^(.*)_ms(.*)$/, "$1$2, ms").replaceAll("_", " ");
}

function inNumbers(value: number | undefined): string {
  return value === undefined ? "" : value.toLocaleString("en-US", { maximumFractionDigits: 1 });
}

/** The columns that stand first. The others are compared with the first of them. */
const PLAIN = "plain", HARDENED = "hardened";

const MATRIX_CAPTION =
  "Each operation was really attempted: with the socket as it is passed (plain), under all protections " +
  "(hardened), and under each protection alone. Bold: an operation that is allowed, or that a protection " +
  "takes away. An unexpected outcome has the expected one beside it.";

/** Renders the outcome of each operation under each set of protections. */
export function renderMatrix(matrix: Matrix | null): Markup {
  if (matrix === null) return NOTHING;
  const first = [PLAIN, HARDENED].filter((name) => matrix.columns.includes(name));
  const columns = [...first, ...matrix.columns.filter((name) => !first.includes(name))];
  const headings = columns.map((column) => html`<th scope="col">${column}</th>`);
  const rows = matrix.rows.map(({ operation, gives, source, cells }) => {
    const row = columns.map((column) => renderCell(cells[column], column, cells[PLAIN]));
    return html`<tr><th scope="row" title="${`${gives}; ${source}`}">${operation}</th>${row}</tr>`;
  });
  return html`
    <h3>What the holder of the socket may do</h3>
    <div class="scroll" tabindex="0" role="group" aria-label="Authority matrix">
      <table class="matrix">
        <caption>${MATRIX_CAPTION}</caption>
        <thead>
          <tr><th scope="col">Operation</th>${headings}</tr>
        </thead>
        <tbody>
    ${rows}</tbody>
      </table>
    </div>
    ${renderMeanings(matrix)}
  `;
}

/** Renders what each operation of a matrix gives, folded away. */
export function renderMeanings({ rows }: Matrix): Markup {
  const meanings = rows.map(({ operation, gives, source }) =>
    html`
      <dt>${operation}</dt>
      <dd>${gives} <span class="quiet">(${source})</span></dd>
    `
  );
  return html`
    <details>
      <summary>What each operation gives, and where the kernel decides</summary>
      <dl>${meanings}</dl>
    </details>
  `;
}

function renderCell(cell: Cell | undefined, column: string, plain: Cell | undefined): Markup {
  if (cell === undefined) return html`<td class="otherwise">never tried</td>`;
  const { outcome, known, rule } = cell;
  const text = outcome === known ? outcome : `${outcome} (expected: ${known})`;
  const why = rule === null ? NOTHING : html`
    title="${rule}"
  `;
  return html`
    <td class="${lookOf(cell, column, plain)}" ${why}>${text}</td>
  `;
}

function lookOf({ outcome, known }: Cell, column: string, plain: Cell | undefined): string {
  if (outcome !== known) return "otherwise";
  if (column === PLAIN) return outcome === "allowed" ? "allowed" : "same";
  return plain?.outcome === "allowed" && outcome !== "allowed" ? "taken" : "same";
}
