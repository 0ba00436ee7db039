/**
 * An inspected process in the transcript: what a reviewer must know first, the process, its packet
 * sockets, what their holder may do, and the checks.
 *
 * Names, paths and links come from the process. They are escaped, and stand on one line, which is
 * cut, or go on behind `…`: a text that could begin a line could look like a check.
 *
 * @module
 */

import type { Evidence, ExperimentEvidence } from "../../evidence/evidence.ts";
import { escapeText } from "../../evidence/escape.ts";
import type { InspectedHole, InspectedProcess, InspectedSocket } from "../../evidence/inspected.ts";
import {
  countThreads,
  describeAsking,
  describeBinding,
  describeBounding,
  describeConfinement,
  describeDescriptor,
  describeFds,
  describeFilters,
  describeForeignNamespace,
  describeHolders,
  describeNamespaces,
  describeProcess,
  describeSettings,
  describeThreads,
  describeTids,
  describeWays,
  NO_PROOF,
  warningsOf,
} from "../process_words.ts";
import { WIDTH } from "../wrap.ts";
import { folded, oneLine, paragraph } from "./lines.ts";
import type { Palette } from "./palette.ts";
import { renderPredictions } from "./predictions.ts";
import { renderCheck, renderLine } from "./steps.ts";

/** How much is shown of a process. */
interface Manner {
  readonly paint: Palette;
  readonly verbose: boolean;
}

/** The most entries of each list, and the most instructions of each filter. */
const LIMITS = {
  normal: { descriptors: 12, sockets: 12, groups: 8, sentences: 12, instructions: 0 },
  verbose: { descriptors: 256, sockets: 64, groups: 64, sentences: 64, instructions: 256 },
} as const;

const limitsOf = ({ verbose }: Manner) => verbose ? LIMITS.verbose : LIMITS.normal;

/** Renders an inspection, up to its conclusion. */
export function renderInspection(
  { environment }: Evidence,
  experiment: ExperimentEvidence,
  manner: Manner,
): string[] {
  const { title, process, matrix } = experiment;
  const { paint } = manner;
  const sections = process === null ? [] : [
    renderWarnings(process, manner),
    renderProcess(process, manner),
    renderDescriptors(process, manner),
    renderSockets(process, manner),
    renderFilters(process, manner),
    renderPredictions(matrix, paint, manner.verbose),
    renderHoles(process, environment.kernel, manner),
    renderList("Not seen:", process.unseen, manner),
    manner.verbose ? renderMachine(environment, manner) : [],
  ];
  return [
    paint.heading(`=== Inspection of ${oneLine(title, WIDTH)} ===`),
    "",
    ...[...sections, renderChecks(experiment, manner)]
      .filter((lines) => lines.length > 0)
      .flatMap((lines) => [...lines, ""]),
  ];
}

/** The remark behind a list that is cut. */
const more = (left: number, what: string) =>
  `… and ${left} more ${left === 1 ? what : `${what}s`} (see --json)`;

/** Returns items, each folded, and how many are left out. */
function listed(
  items: readonly string[],
  limit: number,
  before: string,
): string[] {
  const left = items.length - limit;
  return [
    ...items.slice(0, limit).flatMap((item) => folded(before, item)),
    ...left > 0 ? [`${" ".repeat(before.length)}${more(left, "such line")}`] : [],
  ];
}

/** Renders the machine, and who looked. */
function renderMachine(environment: Evidence["environment"], { paint }: Manner): string[] {
  const { kernel, arch, libc, deno, running_as } = environment;
  return [
    paint.heading("Seen:"),
    ...paragraph("  ", `on Linux ${kernel} (${arch}), ${libc}, Deno ${deno}, as ${running_as}`),
  ];
}

function renderWarnings(process: InspectedProcess, manner: Manner): string[] {
  return listed(warningsOf(process), limitsOf(manner).sentences, "  ! ").map(manner.paint.skip);
}

function renderProcess(process: InspectedProcess, manner: Manner): string[] {
  const { executable, command, parent, session } = process;
  const { paint, verbose } = manner;
  const field = (name: string, value: string) =>
    verbose ? folded(`  ${name}: `, value) : [`  ${oneLine(`${name}: ${value}`, WIDTH - 2)}`];
  return [
    paint.heading("Process:"),
    ...field("Program", executable ?? "cannot be read"),
    ...field("Command line", command.length === 0 ? "empty" : command.join(" ")),
    ...field(
      "Parent",
      `${parent === null ? "none here" : describeProcess(parent)}, session ${session}`,
    ),
    ...renderThreads(process, manner),
    ...field("Namespaces", describeNamespaces(process)),
    ...describeConfinement(process).flatMap(([name, value]) => field(name, value)),
    ...field("Asked", describeAsking(process)),
  ];
}

function renderThreads({ threads }: InspectedProcess, manner: Manner): string[] {
  const all = countThreads(threads);
  const bounding = (each: (typeof threads)[number]) =>
    manner.verbose ? `, ${describeBounding(each)}` : "";
  const describe = (each: (typeof threads)[number]) => describeThreads(each) + bounding(each);
  if (threads.length === 1) {
    return paragraph(
      `  Threads: ${all}${all === 1 ? "" : ", all alike"}, with `,
      describe(threads[0]),
      "      ",
    );
  }
  const { groups } = limitsOf(manner);
  const left = threads.length - groups;
  return [
    `  Threads: ${all}, of ${threads.length} kinds:`,
    ...threads.slice(0, groups).flatMap((each) =>
      paragraph(`    ${describeTids(each.tids)}: `, describe(each), "      ")
    ),
    ...left > 0 ? [`    ${more(left, "kind")}`] : [],
  ];
}

function renderDescriptors(process: InspectedProcess, manner: Manner): string[] {
  const { descriptors, descriptors_left_out } = process;
  const all = descriptors.length + descriptors_left_out;
  const shown = descriptors.slice(0, limitsOf(manner).descriptors);
  const links = shown.map(({ refers_to }) => oneLine(refers_to, LINK_WIDTH));
  const width = Math.max(0, ...links.map((link) => link.length));
  const rows = shown.map((each, i) =>
    oneLine(
      `${String(each.fd).padStart(4)}  ${links[i].padEnd(width)}  ${
        describeDescriptor(each, process)
      }`,
      WIDTH,
    )
  );
  const left = all - shown.length;
  return [
    manner.paint.heading(`Descriptors: ${all}`),
    ...rows,
    ...left > 0 ? [`      ${more(left, "descriptor")}`] : [],
  ];
}

/** The most characters of the link of a descriptor. */
const LINK_WIDTH = 48;

function renderSockets(process: InspectedProcess, manner: Manner): string[] {
  const { packet_sockets } = process;
  const { sockets } = limitsOf(manner);
  const left = packet_sockets.length - sockets;
  if (packet_sockets.length === 0) return [manner.paint.heading("Packet sockets: none")];
  return [
    manner.paint.heading(`Packet sockets: ${packet_sockets.length}`),
    ...packet_sockets.slice(0, sockets).flatMap((each) => renderSocket(each, process, manner)),
    ...left > 0 ? [`  ${more(left, "packet socket")}`] : [],
  ];
}

function renderSocket(
  socket: InspectedSocket,
  process: InspectedProcess,
  manner: Manner,
): string[] {
  const namespace = describeForeignNamespace(socket, process);
  const lines = [
    describeSettings(socket).join(", "),
    describeHolders(socket),
    ...namespace === undefined ? [] : [namespace],
  ];
  return [
    `  ${oneLine(`${describeFds(socket)}: ${describeBinding(socket)}`, WIDTH - 2)}`,
    ...lines.flatMap((line) => folded("      ", line)),
    ...renderInstructions(socket.filter ?? [], manner),
  ];
}

function renderInstructions(instructions: readonly string[], manner: Manner): string[] {
  const limit = limitsOf(manner).instructions;
  return limit === 0 ? [] : listed(instructions.map(withoutTabs), limit, "        ")
    .map(manner.paint.detail);
}

/** tcpdump(1) separates the targets of a jump by a tab. */
const withoutTabs = (instruction: string) => instruction.replaceAll("\t", "  ");

function renderFilters({ filters }: InspectedProcess, manner: Manner): string[] {
  if (filters === null || filters.every(({ programs }) => programs.length === 0)) return [];
  return [
    manner.paint.heading("System call filters:"),
    ...filters.slice(0, limitsOf(manner).groups).flatMap((each) => [
      ...paragraph("  ", describeFilters(each)),
      ...each.programs.flatMap((program) => renderInstructions(program, manner)),
    ]),
  ];
}

function renderHoles(
  { known_holes }: InspectedProcess,
  kernel: string,
  { paint, verbose }: Manner,
): string[] {
  if (known_holes.length === 0) return [];
  const isClosed = ({ status }: InspectedHole) => status === "fixed" || status === "not affected";
  const closed = known_holes.filter(isClosed).length;
  const shown = known_holes.filter((hole) =>
    verbose || (!isClosed(hole) && hole.reachable !== false)
  );
  return [
    paint.heading(`Known holes of Linux ${escapeText(kernel)} behind these operations:`),
    ...shown.flatMap((hole) => [
      `  ${oneLine(`${hole.cve} ${hole.function}: ${hole.status}`, WIDTH - 2)}`,
      ...paragraph("      ", describeReachability(hole)),
      ...verbose
        ? [...paragraph("      ", hole.reason), `      ${oneLine(hole.source, WIDTH - 6)}`]
        : [],
    ]),
    `  ${closed} of ${known_holes.length} are fixed in this version, or entered the kernel after it`,
    ...paragraph("  ", NO_PROOF),
  ];
}

function describeReachability(hole: InspectedHole): string {
  const ways = describeWays(hole);
  if (hole.reachable === null) return `cannot tell whether it is reachable by ${ways}`;
  return hole.reachable ? `reachable by ${ways}` : `not reachable by ${ways}`;
}

function renderList(heading: string, items: readonly string[], manner: Manner): string[] {
  if (items.length === 0) return [];
  return [
    manner.paint.heading(heading),
    ...listed(items, limitsOf(manner).sentences, "  - "),
  ];
}

/**
 * Renders the lines of the inspection, and the checks that no line names. The differences between
 * threads are left out: they stand above.
 */
function renderChecks(experiment: ExperimentEvidence, { paint, verbose }: Manner): string[] {
  const { process, checks } = experiment;
  if (process === null && !verbose) {
    const [first, last] = [checks.at(0), checks.at(-1)].map((check) => check?.id);
    return [paint.heading("Checks:"), paint.skip(`  – ${first} to ${last} could not be judged`)];
  }
  const { differences = [] } = process ?? {};
  const lines = experiment.steps.flatMap((step) => step.lines)
    .filter((line) => line.kind !== "note" || !differences.includes(line.text));
  const named = new Set(lines.flatMap((line) => "checks" in line ? line.checks : []));
  return [
    paint.heading("Checks:"),
    ...lines.flatMap((line) => renderLine(line, experiment, paint, verbose)),
    ...checks.filter(({ id }) => !named.has(id))
      .flatMap((check) => renderCheck(check, paint, verbose, true)),
  ];
}
