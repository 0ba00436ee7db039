/**
 * The checks of an experiment, as a table.
 *
 * @module
 */

import { type CheckId, isCheckId } from "../../evidence/checks.ts";
import {
  type CheckResult,
  type ExperimentEvidence,
  isInspection,
} from "../../evidence/evidence.ts";
import { EXPLANATIONS } from "../../evidence/explanations.ts";
import { MARK } from "../marks.ts";
import { childsPart, describeSeenBy } from "../seen_by.ts";
import { html, lines, type Markup, NOTHING } from "./markup.ts";

const IN_WORDS = { pass: "holds", fail: "refuted", skip: "skipped" } as const;

/** Renders every check, with the reasons for it and its evidence. */
export function renderChecks(experiment: ExperimentEvidence): Markup {
  const { name, checks } = experiment;
  const isInspected = isInspection(experiment);
  const caption = isInspected
    ? "Every check of the inspection, in order. A check is skipped if what decides it could not be seen."
    : `Every check that ${name} plans, in order. A check that the child left open counts as refuted.`;
  return html`
    <table class="checks" role="table">
      <caption>${caption}</caption>
      <thead>
        <tr role="row">
          <th scope="col" role="columnheader">Check</th>
          <th scope="col" role="columnheader">Claim</th>
          <th scope="col" role="columnheader">Expected</th>
          <th scope="col" role="columnheader">Observed</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
    ${checks.map((check) => renderCheck(check, isInspected))}</tbody>
    </table>
  `;
}

function renderCheck(check: CheckResult, isInspected: boolean): Markup {
  const { id, claim, status, seen_by, expected, observed, evidence, source } = check;
  const part = childsPart(seen_by);
  const known: string = id;
  const explanation = isCheckId(known) ? EXPLANATIONS[known as CheckId] : undefined;
  return html`
    <tr role="row">
      <th scope="row"
        role="rowheader"><span class="mark ${status}" aria-hidden="true">${MARK[
          status
        ]}</span><span class="id">${id}</span> <span class="hidden">${IN_WORDS[status]}</span></th>
      <td role="cell" class="claim">${claim}
    <details><summary>Why, and the evidence<span class="hidden"> of ${id}</span></summary><dl>
    ${explanation === undefined ? NOTHING : html`
      <dt>Why</dt>
      <dd>${explanation.why}</dd>
      <dt>Refuted by</dt>
      <dd>${explanation.refutedBy}</dd>
    `}
    <dt>Seen by</dt><dd>${describeSeenBy(seen_by, isInspected)}</dd>
    <dt>Source</dt><dd>${source}</dd>
    </dl><pre>${lines(JSON.stringify(evidence, null, 2))}</pre></details></td>
      <td role="cell" data-name="Expected">${expected}</td>
      <td role="cell" data-name="Observed" class="${status === "pass"
        ? ""
        : status}">${observed}${part === undefined ? NOTHING : html`
        <span class="quiet">(${part})</span>
      `}</td>
    </tr>
  `;
}
