/**
 * An inspected process on the page: the process, its threads, descriptors, packet sockets, filters
 * and known holes.
 *
 * @module
 */

import type { Evidence, ExperimentEvidence } from "../../evidence/evidence.ts";
import type {
  InspectedFilters,
  InspectedHole,
  InspectedProcess,
  InspectedSocket,
  InspectedThreads,
} from "../../evidence/inspected.ts";
import {
  count,
  countThreads,
  describeAsking,
  describeBinding,
  describeBounding,
  describeCapabilities,
  describeConfinement,
  describeDescriptor,
  describeFds,
  describeFilters,
  describeForeignNamespace,
  describeHolders,
  describeIds,
  describeNamespaces,
  describeProcess,
  describeReach,
  describeSeccomp,
  describeSettings,
  describeTids,
  describeWays,
  NO_PROOF,
  warningsOf,
} from "../process_words.ts";
import { first } from "../wrap.ts";
import { renderChecks } from "./checks.ts";
import { html, lines, type Markup, NOTHING } from "./markup.ts";
import { renderPredictions } from "./predictions.ts";

/** The most entries of each list on the page. */
const LIMIT = 500;

/** The most instructions of a filter on the page. */
const INSTRUCTION_LIMIT = 4096;

/** Renders what a reviewer must know first; nothing if there is nothing. */
export function renderWarnings(process: InspectedProcess): Markup {
  const warnings = warningsOf(process).slice(0, LIMIT);
  if (warnings.length === 0) return NOTHING;
  return html`
    <div class="notice skip" role="note">
      <ul class="points">${warnings.map((each) => html`<li>${each}</li>`)}</ul>
    </div>
  `;
}

/** Renders everything that was seen of a process, with the checks. */
export function renderInspection(experiment: ExperimentEvidence, evidence: Evidence): Markup {
  const { process } = experiment;
  const checks = html`<h3>Checks</h3>${renderChecks(experiment)}`;
  if (process === null) return checks;
  return html`
    ${checks}
    ${renderProcess(process)}
    ${renderSockets(process)}
    ${renderPredictions(experiment.matrix)}
    ${renderHoles(process, evidence)}
    ${renderFilters(process)}
    ${renderUnseen(process)}
    ${renderDescriptors(process)}
  `;
}

/** Renders the process and its threads. */
function renderProcess(process: InspectedProcess): Markup {
  const { pid, name, executable, command, parent, session } = process;
  const rows: [name: string, value: string][] = [
    ["Process", describeProcess({ pid, name })],
    ["Program", executable ?? "cannot be read"],
    ["Command line", command.length === 0 ? "empty" : command.join(" ")],
    ["Parent", parent === null ? "none in this PID namespace" : describeProcess(parent)],
    ["Session", String(session)],
    ["Namespaces", describeNamespaces(process)],
    ...describeConfinement(process),
    ["Asked", describeAsking(process)],
  ];
  return html`
    <h3>The process</h3>
    <dl>${rows.map(([name, value]) =>
      html`
        <dt>${name}</dt>
        <dd>${value}</dd>
      `
    )}</dl>
    ${renderThreads(process)}
  `;
}

/** Renders a table that may be wide. */
function renderTable(
  [name, caption]: readonly [name: string, caption: string],
  headings: readonly string[],
  rows: readonly (readonly (string | Markup)[])[],
): Markup {
  const left = rows.length - LIMIT;
  return html`
    <div class="scroll" tabindex="0" role="group" aria-label="${name}">
      <table class="facts">
        <caption>${caption}${left > 0 ? ` ${left} more are in the JSON.` : ""}</caption>
        <thead>
          <tr>${headings.map((heading) => html`<th scope="col">${heading}</th>`)}</tr>
        </thead>
        <tbody>
    ${rows.slice(0, LIMIT).map(([head, ...cells]) =>
      html`<tr><th scope="row">${head}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`
    )}</tbody>
      </table>
    </div>
  `;
}

function renderThreads({ pid, threads }: InspectedProcess): Markup {
  const all = countThreads(threads);
  const alike = threads.length === 1 ? ", all alike" : `, of ${threads.length} kinds`;
  return renderTable(
    [
      `Threads of ${pid}`,
      `Its threads by what the kernel reports of them: ${all}${all === 1 ? "" : alike}.`,
    ],
    ["Threads", "User", "Group", "Groups", "Capabilities", "NoNewPrivs", "System calls"],
    threads.map(rowOfThreads),
  );
}

function rowOfThreads(threads: InspectedThreads): string[] {
  const { tids, uids, gids, groups, no_new_privs } = threads;
  return [
    describeTids(tids),
    describeIds("uid", uids),
    describeIds("gid", gids),
    groups.length === 0 ? "none" : first(groups.map(String), 32).join(" "),
    `${describeCapabilities(threads)}; ${describeBounding(threads)}`,
    String(no_new_privs),
    describeSeccomp(threads),
  ];
}

/** Renders the packet sockets with their filters. */
function renderSockets(process: InspectedProcess): Markup {
  const { packet_sockets } = process;
  const left = packet_sockets.length - LIMIT;
  return html`
    <h3>Its packet sockets</h3>
    ${packet_sockets.length === 0 ? html`<p>It holds none.</p>` : NOTHING}
    ${packet_sockets.slice(0, LIMIT).map((each) => renderSocket(each, process))}
    ${left > 0 ? html`<p class="quiet">${left} more are in the JSON.</p>` : NOTHING}
  `;
}

function renderSocket(socket: InspectedSocket, process: InspectedProcess): Markup {
  const { link, filter } = socket;
  const namespace = describeForeignNamespace(socket, process);
  const rows: [name: string, value: string][] = [
    ["Receives", describeBinding(socket)],
    ["Settings", describeSettings(socket).join(", ")],
    ["Holders", describeHolders(socket)],
    ...namespace === undefined ? [] : [["Namespace", namespace] as [string, string]],
  ];
  return html`
    <h4>${describeFds(socket)} <span class="quiet mono">${link}</span></h4>
    <dl>${rows.map(([name, value]) =>
      html`
        <dt>${name}</dt>
        <dd>${value}</dd>
      `
    )}</dl>
    ${filter === null || filter.length === 0
      ? NOTHING
      : renderProgram(`Its filter: ${count(filter.length, "instruction")}`, filter)}
  `;
}

function renderProgram(title: string, program: readonly string[]): Markup {
  const left = program.length - INSTRUCTION_LIMIT;
  const shown = program.slice(0, INSTRUCTION_LIMIT).map((each) => each.replaceAll("\t", "  "));
  const rest = left > 0 ? [`… and ${left} more, in the JSON`] : [];
  return html`
    <details>
      <summary>${title}</summary>
      <pre>${lines([...shown, ...rest].join("\n"))}</pre>
    </details>
  `;
}

/** Renders the filters of system calls, if they were read. */
function renderFilters({ filters }: InspectedProcess): Markup {
  if (filters === null || filters.every(({ programs }) => programs.length === 0)) return NOTHING;
  return html`
    <h3>Its system call filters</h3>
    ${filters.slice(0, LIMIT).map(renderFiltersOfThreads)}
  `;
}

function renderFiltersOfThreads(filters: InspectedFilters): Markup {
  const { tids, programs } = filters;
  return html`
    <p>${describeFilters(filters)}</p>
    ${programs.map((program, i) =>
      renderProgram(`Program ${i + 1} of ${describeTids(tids)}, the oldest first`, program)
    )}
  `;
}

/** Renders the descriptors, folded away. */
function renderDescriptors(process: InspectedProcess): Markup {
  const { pid, descriptors, descriptors_left_out } = process;
  const all = descriptors.length + descriptors_left_out;
  const left = descriptors_left_out === 0 ? "" : ` ${descriptors_left_out} more were not kept.`;
  return html`
    <details>
      <summary>Its descriptors (${all})</summary>
    ${renderTable(
      [`Descriptors of ${pid}`, `The open descriptors, with the links in /proc.${left}`],
      ["Number", "Refers to", "Access"],
      descriptors.map((each) => [
        String(each.fd),
        each.refers_to,
        describeDescriptor(each, process),
      ]),
    )}
    </details>
  `;
}

/** Renders the known holes of the kernel. */
function renderHoles(
  { pid, known_holes }: InspectedProcess,
  { environment }: Evidence,
): Markup {
  if (known_holes.length === 0) return NOTHING;
  return html`
    <h3>Known holes behind these operations</h3>
    ${renderTable(
      [
        `Known holes behind the operations of ${pid}`,
        `By the version of this kernel, ${environment.kernel}, alone. ${NO_PROOF}`,
      ],
      ["Hole", "Function", "Operations", "Status", "Reachable", "Why", "Source"],
      known_holes.map(rowOfHole),
    )}
  `;
}

function rowOfHole(hole: InspectedHole): (string | Markup)[] {
  const { cve, function: name, status, reason, source } = hole;
  const whole = (word: string) => html`<span class="whole">${word}</span>`;
  return [whole(cve), whole(name), describeWays(hole), status, describeReach(hole), reason, source];
}

/** Renders what could not be seen, with the reasons. */
function renderUnseen({ unseen }: InspectedProcess): Markup {
  if (unseen.length === 0) return NOTHING;
  return html`
    <h3>Not seen</h3>
    <ul class="points">${unseen.slice(0, LIMIT).map((each) => html`<li>${each}</li>`)}</ul>
  `;
}
