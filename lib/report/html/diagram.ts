/**
 * The sequence diagram of a run: parent, kernel, child; what each did, what passed between them, and the drop as a line across.
 *
 * The order is that in which the parent heard of it, and so are the times; distances are not to scale, and the picture says so.
 *
 * @module
 */

import type { CheckId, Side } from "../../checks.ts";
import type { CheckResult, ExperimentEvidence, Line, Step } from "../../evidence.ts";
import { html, Markup, NOTHING } from "./markup.ts";

/** What happens in the diagram, from top to bottom. */
export type Event =
  | { readonly kind: "step"; readonly at: number; readonly side: Side; readonly text: string }
  | {
    readonly kind: "line";
    readonly at: number;
    readonly side: Side;
    readonly text: string;
    readonly checks: readonly CheckResult[];
  }
  | { readonly kind: "message"; readonly at: number; readonly from: Side; readonly text: string }
  | { readonly kind: "packets"; readonly at: number; readonly text: string }
  | { readonly kind: "call"; readonly at: number; readonly side: Side; readonly text: string }
  | {
    readonly kind: "drop";
    readonly at: number;
    /** The claims of the drop that do not hold. */
    readonly refuted: readonly string[];
  }
  | { readonly kind: "rest"; readonly at: number; readonly count: number };

/** What the kernel is asked for where a check is judged. */
const CALLS: { readonly [id in CheckId]?: string } = {
  "SOCK-01": "socket(AF_PACKET), bind",
  "PASS-02": "recvmsg",
  "DROP-03": "setgroups, setresgid, setresuid",
  "DENY-01": "socket(AF_PACKET)",
  "URING-01": "io_uring_setup",
  "RELAY-01": "setsockopt(IP_ADD_MEMBERSHIP)",
};

/** Behind which claim the drop stands, and behind which that it was one. */
const DROP: CheckId = "DROP-03", DENIAL: CheckId = "DENY-01";

/** The most that is drawn of one experiment. */
const MOST_EVENTS = 120;

/** What happened, in order: steps, what was done in them, messages, frames, and the drop. */
export function eventsOf(experiment: ExperimentEvidence): Event[] {
  const events: Event[] = [];
  const refuted = experiment.checks
    .filter(({ id, status }) => id.startsWith("DROP-") && status === "fail")
    .map(({ id }) => id);
  const dropping = stepOfDrop(experiment);
  const drawnCalls = new Set<CheckId>();
  let hasDropped = false;
  for (const step of experiment.steps) {
    const { side } = step;
    events.push({ kind: "step", at: step.at_ms, side, text: step.title });
    for (const group of grouped(step)) {
      const [first] = group;
      if (first.kind === "packet") {
        events.push({ kind: "packets", at: first.at_ms, text: inWords(group, experiment) });
        continue;
      }
      if (first.kind === "message") {
        events.push({ kind: "message", at: first.at_ms, from: first.from, text: said(first) });
        continue;
      }
      const ids = first.kind === "detail" ? [] : first.checks;
      const checks = ids.flatMap((id) => experiment.checks.find((check) => check.id === id) ?? []);
      for (const check of checks) {
        const call = CALLS[check.id];
        if (call === undefined || check.side !== side || drawnCalls.has(check.id)) continue;
        drawnCalls.add(check.id);
        const text = check.id === DENIAL && check.status === "pass" ? `${call}: EPERM` : call;
        events.push({ kind: "call", at: first.at_ms, side, text });
      }
      // What a step of dropping says first, it says after the drop.
      if (step === dropping && !hasDropped) {
        events.push({ kind: "drop", at: first.at_ms, refuted });
        hasDropped = true;
      }
      events.push({ kind: "line", at: first.at_ms, side, text: first.text, checks });
    }
  }
  if (events.length <= MOST_EVENTS) return events;
  const count = events.length - MOST_EVENTS;
  return [...events.slice(0, MOST_EVENTS), { kind: "rest", at: events[MOST_EVENTS].at, count }];
}

/** The step in which the child drops: where that is judged, or the last one that it begins as root. */
function stepOfDrop({ steps }: ExperimentEvidence): Step | undefined {
  const judged = steps.find(({ side, lines }) =>
    side === "child" &&
    lines.some((line) => line.kind === "done" && line.checks.includes(DROP))
  );
  if (judged !== undefined) return judged;
  const ofChild = steps.filter(({ side }) => side === "child");
  const after = ofChild.findIndex(({ privileged }, i) => !privileged && ofChild[i - 1]?.privileged);
  return after === -1 ? undefined : ofChild[after - 1];
}

/** The lines of a step, those of frames that follow each other together. */
function grouped({ lines }: Step): Line[][] {
  const groups: Line[][] = [];
  for (const line of lines) {
    const last = groups.at(-1);
    if (line.kind === "packet" && last?.[0].kind === "packet") last.push(line);
    else groups.push([line]);
  }
  return groups;
}

function inWords(lines: readonly Line[], { packets }: ExperimentEvidence): string {
  const frames = lines.flatMap((line) => line.kind === "packet" ? packets[line.packet] ?? [] : []);
  const ours = frames.filter((frame) => frame.ours).length;
  const after = frames.filter(({ after_drop }) => after_drop).length;
  const number = frames.length === 1 ? "1 frame" : `${frames.length} frames`;
  const when = after === frames.length ? "after the drop" : `${after} of them after the drop`;
  return `${number}, ${when}${ours === frames.length ? "" : `, ${ours} of this run`}`;
}

function said({ text, descriptors, times }: Extract<Line, { kind: "message" }>): string {
  const brought = text === "spawn" || descriptors === 0
    ? ""
    : `, SCM_RIGHTS: ${descriptors === 1 ? "1 descriptor" : `${descriptors} descriptors`}`;
  const name = text === "spawn" ? text : `“${text}”`;
  return `${name}${brought}${times === 1 ? "" : ` ×${times}`}`;
}

// Where things are, in units of the picture.
const WIDTH = 760;
const TIME = 50;
const LANE = { parent: 110, kernel: 410, child: 710 } as const;
const LINE = 17, GAP = 12, STEP_GAP = 14;
/** How many characters fit beside a lane. */
const COLUMN = 44;

const MARK = { pass: "✓", fail: "✗", skip: "–" } as const;

/** Draws it. Whatever is in it stands in words beside it, too: see {@linkcode describeInWords}. */
export function renderDiagram(experiment: ExperimentEvidence, id: string): Markup {
  const events = eventsOf(experiment);
  const hasDrop = events.some(({ kind }) => kind === "drop");
  // Without a drop in the picture nothing is said of what the child is.
  const looks = (isBelow: boolean): Looks => ({
    parent: "root",
    child: isBelow ? "worker" : hasDrop ? "root" : "",
  });
  const drawn: Markup[] = [];
  let y = 64;
  let droppedAt: number | undefined;
  let time = "";
  for (const event of events) {
    if (event.kind === "step" && event !== events[0]) y += STEP_GAP;
    if (event.kind === "drop") droppedAt = y += LINE;
    const now = event.at.toFixed(1);
    const isNew = now !== time && event.kind !== "drop";
    const stamp = isNew ? label(TIME, y, now, "end", "quiet small mono") : NOTHING;
    if (isNew) time = now;
    const { picture, height } = draw(event, y, looks(droppedAt !== undefined));
    drawn.push(html`<g${droppedAt === undefined ? NOTHING : BELOW}>${stamp}${picture}</g>`);
    y += height + GAP;
  }
  const height = y + 8;
  const from = droppedAt ?? height;
  const shade = droppedAt === undefined ? NOTHING : html`
    <rect class="shade" x="0" y="${from}" width="${WIDTH}" height="${height - from}" />
  `;
  const child = events.some((event) => event.kind === "message" && / ×\d/.test(event.text))
    ? "children"
    : "child";
  return html`
    <svg class="diagram" viewBox="0 0 ${WIDTH} ${height}" role="img"
      aria-labelledby="${id}-name ${id}-text">
    <title id="${id}-name">Sequence of ${experiment.name}: parent, kernel, ${child}</title>
    <desc id="${id}-text">${describeDrop(events)} The list below has the same in words.</desc>
    ${shade}
    ${label(TIME, 22, "ms", "end", "quiet small")}
    ${label(LANE.parent, 22, "parent", "middle", "head root")}
    ${label(LANE.kernel, 22, "kernel", "middle", "head")}
    ${label(LANE.child, 22, child, "middle", "head worker")}
    <line class="lane root" x1="${LANE.parent}" y1="34" x2="${LANE.parent}" y2="${height}"/>
    <line class="lane" x1="${LANE.kernel}" y1="34" x2="${LANE.kernel}" y2="${height}"/>
    <line class="lane ${looks(false).child}" x1="${LANE.child}" y1="34" x2="${LANE
      .child}" y2="${from}"/>
    <line class="lane worker" x1="${LANE.child}" y1="${from}" x2="${LANE.child}" y2="${height}"/>
    ${drawn}
    </svg>
  `;
}

const BELOW = new Markup(' class="below"');

function describeDrop(events: readonly Event[]): string {
  const at = events.findIndex(({ kind }) => kind === "drop");
  if (at === -1) return `${events.length} events; each child drops its privileges by itself.`;
  const before = events.slice(0, at).filter(({ kind }) => kind !== "step").length;
  const after = events.slice(at + 1).filter(({ kind }) => kind !== "step").length;
  return `${before} events, then the child drops its privileges, then ${after} events.`;
}

/** The colours of parent and child. */
type Looks = Readonly<Record<Side, string>>;

interface Drawn {
  readonly picture: Markup;
  readonly height: number;
}

function draw(event: Event, y: number, look: Looks): Drawn {
  switch (event.kind) {
    case "drop": {
      const text = event.refuted.length === 0
        ? "the drop: above it the child is root, below it is not"
        : `the drop, of which does not hold: ${event.refuted.join(", ")}`;
      return {
        picture: html`
          <line class="drop" x1="0" y1="${y}" x2="${WIDTH}" y2="${y}" />
          ${label(
            LANE.kernel,
            y + LINE,
            text,
            "middle",
            `${event.refuted.length === 0 ? "root" : "fail"} step`,
          )}
        `,
        height: LINE + GAP,
      };
    }
    case "step": {
      const text = broken(event.text);
      return {
        picture: html`
          <circle class="${look[event.side]}" cx="${LANE[event.side]}" cy="${y -
            4}" r="5" />${beside(
              event.side,
              y,
              text,
              "step",
            )}
        `,
        height: (text.length - 1) * LINE + GAP,
      };
    }
    case "line":
      return drawLine(event, y);
    case "call": {
      const middle = (LANE[event.side] + LANE.kernel) / 2;
      return {
        picture: html`${arrow(LANE[event.side], LANE.kernel, y + 8, look[event.side])}${
          label(middle, y + 3, event.text, "middle", "mono small")
        }`,
        height: LINE,
      };
    }
    case "message": {
      const to = event.from === "parent" ? "child" : "parent";
      return {
        picture: html`${arrow(LANE[event.from], LANE[to], y + 8, look[event.from])}${
          label(LANE.kernel, y + 3, event.text, "middle", "mono small")
        }`,
        height: LINE,
      };
    }
    case "packets":
      return {
        picture: html`${arrow(LANE.kernel, LANE.child, y + 8, look.child)}${
          label((LANE.kernel + LANE.child) / 2, y + 3, event.text, "middle", "small")
        }`,
        height: LINE,
      };
    case "rest":
      return {
        picture: label(
          LANE.kernel,
          y,
          `… and ${event.count} more, in the list below`,
          "middle",
          "quiet",
        ),
        height: LINE,
      };
  }
}

function drawLine({ side, text, checks }: Extract<Event, { kind: "line" }>, y: number): Drawn {
  const pieces: Markup[] = [];
  let at = y;
  const words = broken(text);
  pieces.push(beside(side, at, words, checks.length === 0 ? "quiet" : ""));
  at += words.length * LINE;
  // The ids behind it, a few in a row.
  for (let i = 0; i < checks.length; i += 4) {
    const row = checks.slice(i, i + 4);
    const worst = (["fail", "skip"] as const).find((status) =>
      row.some((check) => check.status === status)
    ) ?? "pass";
    const ids = row.map(({ id, status }) => `${MARK[status]} ${id}`).join("  ");
    pieces.push(beside(side, at, [ids], `mono small ${worst}`));
    at += LINE;
  }
  return { picture: html`${pieces}`, height: at - y - LINE + 6 };
}

/** Lines of text on the inner side of a lane. */
function beside(side: Side, y: number, text: readonly string[], look: string): Markup {
  const [x, anchor] = side === "parent" ? [LANE.parent + 14, "start"] : [LANE.child - 14, "end"];
  return html`${
    text.map((each, i) => label(x as number, y + i * LINE, each, anchor as string, look))
  }`;
}

function label(x: number, y: number, text: string, anchor: string, look: string): Markup {
  return html`
    <text x="${x}" y="${y}" text-anchor="${anchor}"
      class="${look}">${text}</text>
  `;
}

function arrow(from: number, to: number, y: number, look: string): Markup {
  const back = to > from ? -7 : 7;
  return html`
    <path class="${look}"
      d="M${from} ${y}H${to}M${to + back} ${y - 4}L${to} ${y}L${to + back} ${y + 4}" />
  `;
}

/** A text in lines that fit beside a lane; words that are too long for one are cut. */
function broken(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ").flatMap((each) => each.match(/.{1,44}/gsu) ?? [""])) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > COLUMN) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.length > 6 ? [...lines.slice(0, 6), "…"] : lines;
}

/** The same in words: the steps, with what was done in each. */
export function describeInWords(experiment: ExperimentEvidence): Markup {
  const steps = experiment.steps.map(({ side, privileged, title, lines, at_ms }) => {
    const items = grouped({ side, privileged, title, lines, at_ms }).map((group) => {
      const [line] = group;
      const text = line.kind === "packet"
        ? `kernel → child: ${inWords(group, experiment)}`
        : line.kind === "message"
        ? `${line.from} → ${line.from === "parent" ? "child" : "parent"}: ${said(line)}`
        : line.text;
      const ids = line.kind === "done" || line.kind === "note" ? line.checks : [];
      return html`<li>${text}${ids.length === 0 ? "" : ` (${ids.join(", ")})`}</li>`;
    });
    return html`<li><span class="quiet">${at_ms.toFixed(1)} ms, ${side}, ${
      privileged ? "privileged" : "unprivileged"
    }:</span> ${title}${items.length === 0 ? NOTHING : html`<ul>${items}</ul>`}</li>`;
  });
  return html`<ol class="words">${steps}</ol>`;
}
