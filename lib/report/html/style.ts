/**
 * The style of the page: light and dark, on a phone, on paper. Every text has a contrast of at
 * least 4.5 to 1 with its background (WCAG 2.2, 1.4.3); a test computes it.
 *
 * @module
 */

const LIGHT = `
  --page: #fbfaf7; --panel: #f3f1eb; --text: #1d1f21; --quiet: #575c63; --rule: #d8d4c8; --faint: #e9e6dd;
  --pass: #1a6638; --fail: #a8201a; --skip: #7a5200;
  --root: #93370d; --worker: #1c4f86; --below: #edf2f8;
`;
const DARK = `
  --page: #16181b; --panel: #1e2125; --text: #e7e5e0; --quiet: #a4a9b1; --rule: #3a3f46; --faint: #26292e;
  --pass: #74d19b; --fail: #ff9088; --skip: #eebd5c;
  --root: #f0a57f; --worker: #8fbdf3; --below: #1a222d;
`;

/** The style sheet. */
export const STYLE = `
:root { color-scheme: light dark; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
}
main, header, footer { max-width: 68rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 2.5rem); }
header { padding-top: clamp(1.75rem, 6vw, 4.5rem); }
footer { padding-top: 2rem; padding-bottom: 4rem; color: var(--quiet); font-size: .875rem; }
h1, h2, h3 {
  font-family: "Iowan Old Style", "Palatino Linotype", Palatino, Charter, "Noto Serif", "DejaVu Serif", Georgia, serif;
  font-weight: 600; line-height: 1.2; text-wrap: balance; overflow-wrap: anywhere;
}
h1 { font-size: clamp(1.6rem, 4.5vw, 2.5rem); margin: .25rem 0 1rem; max-width: 28ch; }
h2 { font-size: clamp(1.35rem, 3.2vw, 1.8rem); margin: 0 0 .5rem; }
h3 { font-size: 1.15rem; margin: 3rem 0 .75rem; }
p { margin: 0 0 .75rem; max-width: 68ch; }
a { color: var(--worker); text-underline-offset: .2em; }
code, pre, .id, .mono, svg text.mono {
  font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
code, .mono { font-size: .875em; overflow-wrap: anywhere; }
pre {
  margin: .5rem 0; padding: .75rem 1rem; background: var(--panel); border-radius: .375rem;
  font-size: .8125rem; line-height: 1.5; white-space: pre-wrap; overflow-wrap: anywhere; max-width: 100%;
}
.kicker { color: var(--quiet); font-size: .875rem; letter-spacing: .02em; margin: 0; }
.quiet { color: var(--quiet); }
.verdict { font-weight: 650; letter-spacing: .06em; }
.pass { color: var(--pass); } .fail { color: var(--fail); } .skip { color: var(--skip); }
.banner {
  display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline;
  border-top: 3px solid currentColor; padding: 1rem 0 0; margin: 2rem 0 0;
}
.banner .verdict { font-size: clamp(1.75rem, 6vw, 2.75rem); line-height: 1; }
.banner .sum { color: var(--text); margin: 0; }
.notice { border-left: 3px solid currentColor; padding: .25rem 0 .25rem 1rem; margin: 1.5rem 0; }
.notice p { color: var(--text); margin: 0; overflow-wrap: anywhere; }
nav ol, .points { list-style: none; padding: 0; margin: 1.5rem 0 0; }
nav li { border-top: 1px solid var(--rule); padding: .5rem 0; display: flex; gap: 1rem; }
nav li .verdict { flex: 0 0 8em; font-size: .875rem; line-height: 1.8; }
.points + p { margin-top: 1rem; } .notice .points { margin: 0; color: var(--text); overflow-wrap: anywhere; }
.points li { padding-left: 1.25rem; text-indent: -1.25rem; }
.points li::before { content: "–\\2002"; color: var(--quiet); }
section.experiment { border-top: 1px solid var(--rule); margin-top: 4rem; padding-top: 2.5rem; }

table { border-collapse: collapse; width: 100%; font-size: .9375rem; line-height: 1.5; }
caption { text-align: left; color: var(--quiet); font-size: .875rem; padding: 0 0 .75rem; max-width: 68ch; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0; border-top: 1px solid var(--faint); overflow-wrap: anywhere; }
thead th { border-top: 0; border-bottom: 1px solid var(--rule); font-size: .8125rem; font-weight: 600; color: var(--quiet); }
tbody th { font-weight: 400; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.scroll { overflow-x: auto; max-width: 100%; }
.scroll:focus-visible, summary:focus-visible, a:focus-visible { outline: 2px solid var(--worker); outline-offset: 2px; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.checks th[scope=row] { white-space: nowrap; width: 8.5rem; }
.checks td.claim { width: 33%; }
.checks td[data-name=Observed] { width: 27%; }
.id { font-size: .875em; }
.mark { display: inline-block; width: 1.4em; font-weight: 700; }
details { margin: .25rem 0 0; }
summary { cursor: pointer; color: var(--quiet); font-size: .875rem; width: fit-content; }
details dl { margin: .5rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0; font-size: .9375rem; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
details dl { font-size: .875rem; }

.matrix { font-size: .8125rem; width: auto; min-width: 100%; }
.matrix th, .matrix td { padding-right: 1rem; white-space: nowrap; overflow-wrap: normal; }
.matrix thead th { vertical-align: bottom; }
.matrix tbody th { position: sticky; left: 0; background: var(--page); }
.matrix .allowed { color: var(--root); font-weight: 600; }
.matrix .taken { color: var(--pass); font-weight: 600; }
.matrix .same { color: var(--quiet); }
.matrix .otherwise { color: var(--fail); font-weight: 700; }
.matrix .wall { color: var(--quiet); font-weight: 400; }
.matrix td.why { white-space: normal; min-width: 16rem; color: var(--quiet); }
.facts { font-size: .875rem; min-width: 40rem; margin-top: 1.5rem; }
.facts thead th, .facts .whole { white-space: nowrap; }
h4 { font-size: 1rem; margin: 1.5rem 0 .5rem; overflow-wrap: anywhere; }
  .packets { min-width: 38rem; }
.bar { display: block; height: .625rem; margin-top: .45rem; background: var(--worker); border-radius: 1px; min-width: 1px; }
.bars td:last-child { width: 45%; }

figure { margin: 0; }
figcaption { color: var(--quiet); font-size: .875rem; margin: .75rem 0 0; max-width: 68ch; }
.diagram { display: block; width: 100%; min-width: 36rem; max-width: 52rem; height: auto; }
.diagram text { font-size: 12.5px; fill: var(--text); font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
  paint-order: stroke; stroke: var(--page); stroke-width: 4px; stroke-linejoin: round; }
.diagram .below text { stroke: var(--below); }
.diagram text.head { font-weight: 650; font-size: 14px; }
.diagram text.step { font-weight: 600; }
.diagram text.quiet { fill: var(--quiet); } .diagram text.small { font-size: 11px; }
.diagram text.pass { fill: var(--pass); } .diagram text.fail { fill: var(--fail); } .diagram text.skip { fill: var(--skip); }
.diagram text.root { fill: var(--root); } .diagram text.worker { fill: var(--worker); }
.diagram line, .diagram path { stroke-width: 1.5; fill: none; stroke: var(--quiet); }
.diagram .faint { stroke: var(--rule); }
.diagram .lane { stroke: var(--rule); stroke-width: 2; }
.diagram .root { stroke: var(--root); } .diagram .worker { stroke: var(--worker); }
.diagram text.root, .diagram text.worker { stroke: var(--page); }
.diagram .lane.root, .diagram .lane.worker { stroke-width: 3; }
.diagram .drop { stroke: var(--root); stroke-width: 2; stroke-dasharray: 7 5; }
.diagram rect.shade { fill: var(--below); }
.diagram circle { fill: var(--quiet); stroke: none; } .diagram circle.root { fill: var(--root); stroke: none; } .diagram circle.worker { fill: var(--worker); stroke: none; }
.words { padding-left: 1.25rem; font-size: .875rem; } .words ul { padding-left: 1.25rem; }

@media (max-width: 46rem) {
  .checks, .checks tbody, .checks tr, .checks th, .checks td, .checks caption { display: block; width: auto; }
  .checks thead { display: none; }
  .checks tr { border-top: 1px solid var(--rule); padding: .75rem 0; }
  .checks th[scope=row], .checks td { border: 0; padding: .125rem 0; width: auto; }
  .checks td.claim, .checks td[data-name=Observed] { width: auto; }
  .checks td[data-name]::before { content: attr(data-name) ": "; color: var(--quiet); font-size: .875rem; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; }
}
@media print {
  :root { color-scheme: light; ${LIGHT} --page: #fff; }
  body { font-size: 9.5pt; }
  main, header, footer { max-width: none; padding: 0; }
  .scroll { overflow: visible; } .diagram { min-width: 0; max-width: 100%; }
  .matrix { font-size: 6.5pt; } .matrix th, .matrix td { padding-right: .4rem; }
  section.experiment { break-before: page; border: 0; margin: 0; }
  tr, h2, h3, caption { break-inside: avoid; } h2, h3, caption { break-after: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; }
  summary { list-style: none; }
}
`.trim();
