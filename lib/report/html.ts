/**
 * The reviewer's view: one page, made from the evidence alone, that needs no network and no script.
 *
 * Whatever of the evidence stands in it was escaped on the way in (`html/markup.ts`); and should that fail, the page forbids itself to run or to
 * fetch anything (Content-Security-Policy).
 *
 * @module
 */

import { type CheckId, isCheckId } from "../evidence/checks.ts";
import type {
  CheckResult,
  Environment,
  Evidence,
  ExperimentEvidence,
  Verdict,
} from "../evidence/evidence.ts";
import { EXPLANATIONS } from "../evidence/explanations.ts";
import { renderCalls } from "./html/calls.ts";
import { describeInWords, renderDiagram } from "./html/diagram.ts";
import { eventsOf } from "./html/events.ts";
import { renderFigures, renderMatrix } from "./html/figures.ts";
import { html, lines, Markup, NOTHING } from "./html/markup.ts";
import { renderPackets } from "./html/packets.ts";
import { STYLE } from "./html/style.ts";
import { childsPart, describeSeers } from "./seen_by.ts";

const MARK = { pass: "✓", fail: "✗", skip: "–" } as const;
const IN_WORDS = { pass: "holds", fail: "refuted", skip: "skipped" } as const;
const LOOK = { PASS: "pass", FAIL: "fail", INCONCLUSIVE: "skip" } as const satisfies Record<
  Verdict,
  string
>;

/** The page. */
export function renderHtml(evidence: Evidence): string {
  const { experiments, environment, version, verdict, error } = evidence;
  const title = experiments.length === 1
    ? experiments[0].question
    : "Does an AF_PACKET socket survive the crossing to an unprivileged process?";
  const started = environment.started.slice(0, 16).replace("T", " ");
  const page = html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="generator" content="${`fdpass ${version}`}">
        <title>${`${verdict}: fdpass on Linux ${environment.kernel}`}</title>
        <link rel="icon" href="data:,">
        <style>
    ${new Markup(STYLE)}
    </style>
      </head>
      <body>
        <header>
    <p class="kicker">fdpass ${version} · ${started} UTC · Linux ${environment
      .kernel}, ${environment.arch}</p>
    <h1>${title}</h1>
    <div class="banner ${LOOK[verdict]}">
    <span class="verdict">${verdict}</span>
    <p class="sum">${summary(evidence)}</p>
    </div>
    ${error === null
      ? NOTHING
      : html`<div class="notice fail" role="note"><p>${error.message}</p>${
        error.remedy === null ? NOTHING : html`<p class="quiet">${error.remedy}</p>`
      }</div>`}
    ${experiments.length < 2 ? NOTHING : renderContents(experiments)}
        </header>
        <main>
    ${experiments.map(renderExperiment)}
    ${renderEnvironment(evidence)}
        </main>
        <footer>
          <p>Made by fdpass ${version} from the evidence of this run alone. <code>fdpass --explain ID</code> says more of each check; <code>--json</code> has all that is here, for machines.</p>
        </footer>
      </body>
    </html>
  `;
  return `${page.text.trim()}\n`;
}

function summary({ experiments, verdict, exit }: Evidence): string {
  const checks = experiments.flatMap((each) => each.checks);
  const holding = checks.filter(({ status }) => status === "pass").length;
  const failing = checks.filter(({ status }) => status === "fail").length;
  const counts = checks.length === 0
    ? "No check was judged"
    : `${holding} of ${checks.length} checks hold${
      failing > 0 ? `, ${failing} refuted or never run` : ""
    }`;
  const meaning = {
    PASS: "every claim was put to the test on this kernel, and stood",
    FAIL: "a claim is refuted, or was to be judged and never was",
    INCONCLUSIVE: "the question could not be answered here",
  }[verdict];
  return `${counts}: ${meaning}. Exit status ${exit}.`;
}

function renderContents(experiments: readonly ExperimentEvidence[]): Markup {
  return html`
    <nav aria-label="Experiments">
      <ol>
    ${experiments.map(({ name, question, verdict, checks }, i) =>
      html`<li><span class="verdict ${LOOK[verdict]}">${verdict}</span><span><a href="#experiment-${
        i + 1
      }">${name}</a> <span class="quiet">${question} ${
        checks.filter(({ status }) => status === "pass").length
      } of ${checks.length} checks hold.</span></span></li>`
    )}</ol>
    </nav>
  `;
}

function renderExperiment(experiment: ExperimentEvidence, index: number): Markup {
  const { name, title, question, verdict, decisions, duration_ms, error, conclusion } = experiment;
  const id = `experiment-${index + 1}`;
  return html`
    <section class="experiment" id="${id}">
    <p class="kicker"><span class="mono">${name}</span> · ${decisions.join(
      ", ",
    )} · ${duration_ms} ms</p>
    <h2 id="${id}-title">${title}</h2>
    <p>${question} <span class="verdict ${LOOK[verdict]}">${verdict}</span></p>
    ${error === null ? NOTHING : html`
      <div class="notice fail" role="note">
        <p>It ended early: ${error}</p>
      </div>
    `}
    ${conclusion === null ? NOTHING : html`
      <ul class="points">${conclusion.points.map((point) => html`<li>${point}</li>`)}</ul>
      <p><strong>${conclusion.decision}.</strong></p>
    `}
    <h3>What happened</h3>
    <figure>
    <div class="scroll" tabindex="0" role="group" aria-label="Sequence diagram">
    ${renderDiagram(experiment, `${id}-diagram`)}
    </div>
    <figcaption>${captionOf(experiment)}</figcaption>
    <details><summary>The same in words</summary>${describeInWords(experiment)}</details>
    ${renderCalls(experiment)}
    </figure>
    <h3>Checks</h3>
    ${renderChecks(experiment)}
    ${renderMatrix(experiment.matrix)}
    ${renderFigures(experiment.figures)}
    ${renderPackets(experiment.packets)}
    </section>
  `;
}

/** What must be known to read the diagram. */
function captionOf(experiment: ExperimentEvidence): string {
  const hasDrop = eventsOf(experiment).some(({ kind }) => kind === "drop");
  return "From top to bottom in the order of time, in milliseconds since the experiment began; distances are not to scale. " +
    "What a child did stands where it says that it did it, but never later than the parent heard of it." +
    (experiment.calls === null
      ? ""
      : " Calls that make, bind or change something are drawn one by one, the others of each side in between together, in grey.") +
    (hasDrop
      ? ""
      : " There is no one drop in it: each worker drops before it says that it is ready.");
}

function renderChecks({ name, checks }: ExperimentEvidence): Markup {
  return html`
    <table class="checks" role="table">
      <caption>Every check that ${name} plans, in its order. One that never ran counts as refuted.</caption>
      <thead>
        <tr role="row">
          <th scope="col" role="columnheader">Check</th>
          <th scope="col" role="columnheader">Claim</th>
          <th scope="col" role="columnheader">Expected</th>
          <th scope="col" role="columnheader">Observed</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
    ${checks.map(renderCheck)}</tbody>
    </table>
  `;
}

function renderCheck(check: CheckResult): Markup {
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
    <dt>Seen by</dt><dd>${describeSeers(seen_by)}</dd>
    <dt>Written in</dt><dd>${source}</dd>
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

function renderEnvironment({ environment, version }: Evidence): Markup {
  const rows: [name: string, value: string][] = [
    ["fdpass", version],
    ["Kernel", `Linux ${environment.kernel}`],
    ["Architecture", environment.arch],
    ["C library", environment.libc],
    ["Deno", environment.deno],
    ["Interface", environment.interface ?? "none"],
    ["To become", environment.user ?? "nobody was named"],
    ["Started", environment.started],
  ];
  return html`
    <section class="experiment">
      <h2 id="environment">Where, and how to do it again</h2>
      <table>
        <caption>The environment of this run.</caption>
        <thead class="hidden">
          <tr>
            <th scope="col">What</th>
            <th scope="col">Value</th>
          </tr>
        </thead>
        <tbody>
    ${rows.map(([name, value]) =>
      html`
        <tr>
          <th scope="row">${name}</th>
          <td>${value}</td>
        </tr>
      `
    )}</tbody>
      </table>
      <h3>The command</h3>
      <p>On this interface:</p>
      <pre>${lines(`sudo ${commandOf(environment)}`)}</pre>
      <p>Anywhere, on a veth pair of its own in a private network namespace that the kernel removes afterwards:</p>
      <pre>${lines(`sudo scripts/netns.sh ${commandOf(environment)}`)}</pre>
    </section>
  `;
}

/** As it was given to the shell. */
function commandOf({ args }: Environment): string {
  return ["deno", "run", "-A", "main.ts", ...args].map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
  ).join(" ");
}
