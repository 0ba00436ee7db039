/**
 * The sequence diagram of a run: what parent and child did, what passed between them and the
 * kernel, and the drop as a line across.
 *
 * Time runs from top to bottom. Distances are not to scale; the caption says so.
 *
 * @module
 */

import type { Side } from "../../evidence/checks.ts";
import type { ExperimentEvidence } from "../../evidence/evidence.ts";
import { describeFrames, describeMessage, type Event, eventsOf, grouped } from "./events.ts";
import { MARK } from "../marks.ts";
import { html, Markup, NOTHING } from "./markup.ts";

// Positions and sizes, in units of the picture.
const WIDTH = 760;
const TIME = 50;
const LANE = { parent: 110, kernel: 410, child: 710 } as const;
const LINE = 17, SMALL_LINE = 14, GAP = 12, STEP_GAP = 14;
/** The most characters of a line beside a lane. */
const COLUMN = 44;

/** Draws the diagram. {@linkcode describeInWords} has the same content in words. */
export function renderDiagram(experiment: ExperimentEvidence, id: string): Markup {
  const events = eventsOf(experiment);
  const hasDrop = events.some(({ kind }) => kind === "drop");
  // Without a drop in the picture, the child's colour does not show its privileges.
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
  if (at === -1) return `${events.length} events; each child drops its privileges separately.`;
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
    case "drop":
      return drawDrop(event, y);
    case "step":
      return drawStep(event, y, look);
    case "line":
      return drawLine(event, y);
    case "call":
      return drawCall(event, y, look[event.side], "mono small");
    case "routine":
      return drawRoutine(event, y);
    case "message": {
      const to = event.from === "parent" ? "child" : "parent";
      return drawArrow(LANE[event.from], LANE[to], y, look[event.from], event.text, "mono small");
    }
    case "packets":
      return drawArrow(LANE.kernel, LANE.child, y, look.child, event.text, "small");
    case "rest": {
      const text = `… and ${event.count} more, in the list below`;
      return { picture: label(LANE.kernel, y, text, "middle", "quiet"), height: LINE };
    }
  }
}

/** The events of one kind. */
type EventOf<Kind extends Event["kind"]> = Extract<Event, { kind: Kind }>;

function drawDrop({ refuted }: EventOf<"drop">, y: number): Drawn {
  const holds = refuted.length === 0;
  const text = holds
    ? "the drop: above it the child is root, below it is not"
    : `the drop, which does not hold: ${refuted.join(", ")}`;
  return {
    picture: html`
      <line class="drop" x1="0" y1="${y}" x2="${WIDTH}" y2="${y}" />
      ${label(LANE.kernel, y + LINE, text, "middle", `${holds ? "root" : "fail"} step`)}
    `,
    height: LINE + GAP,
  };
}

function drawStep({ side, text }: EventOf<"step">, y: number, look: Looks): Drawn {
  const words = broken(text);
  return {
    picture: html`
      <circle class="${look[side]}" cx="${LANE[side]}" cy="${y - 4}" r="5" />${beside(
        side,
        y,
        words,
        "step",
      )}
    `,
    height: (words.length - 1) * LINE + GAP,
  };
}

function drawRoutine(event: EventOf<"routine">, y: number): Drawn {
  const drawn = (["parent", "child"] as const).filter((side) => event[side] !== "")
    .map((side) => drawCall({ side, text: event[side] }, y, "faint", "quiet mono small"));
  return {
    picture: html`${drawn.map(({ picture }) => picture)}`,
    height: Math.max(...drawn.map(({ height }) => height)),
  };
}

/** Draws an arrow between two lanes, with a text above it. */
function drawArrow(
  from: number,
  to: number,
  y: number,
  look: string,
  text: string,
  textLook: string,
): Drawn {
  return {
    picture: html`${arrow(from, to, y + 8, look)}${
      label((from + to) / 2, y + 3, text, "middle", textLook)
    }`,
    height: LINE,
  };
}

function drawCall(
  { side, text }: { readonly side: Side; readonly text: string },
  y: number,
  arrowLook: string,
  textLook: string,
): Drawn {
  const words = broken(text);
  const middle = (LANE[side] + LANE.kernel) / 2;
  const bottom = y + (words.length - 1) * SMALL_LINE;
  return {
    picture: html`${arrow(LANE[side], LANE.kernel, bottom + 8, arrowLook)}${
      words.map((line, i) => label(middle, y + 3 + i * SMALL_LINE, line, "middle", textLook))
    }`,
    height: bottom - y + LINE,
  };
}

function drawLine({ side, text, checks }: EventOf<"line">, y: number): Drawn {
  const pieces: Markup[] = [];
  let at = y;
  const words = broken(text);
  pieces.push(beside(side, at, words, checks.length === 0 ? "quiet" : ""));
  at += words.length * LINE;
  // The ids of the checks, a few in a row.
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

/** Draws lines of text on the inner side of a lane. */
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

/** Breaks a text into lines that fit beside a lane. Words that are too long are split. */
function broken(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ").flatMap((each) => each.match(/.{1,44}/gsu) ?? [""])) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > COLUMN) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.length > 6 ? [...lines.slice(0, 6), "…"] : lines;
}

/** Renders the diagram in words: the steps, and the lines of each. */
export function describeInWords(experiment: ExperimentEvidence): Markup {
  const steps = experiment.steps.map(({ side, privileged, title, lines, at_ms }) => {
    const items = grouped({ side, privileged, title, lines, at_ms }).map((group) => {
      const [line] = group;
      const text = line.kind === "packet"
        ? `kernel → child: ${describeFrames(group, experiment)}`
        : line.kind === "message"
        ? `${line.from} → ${line.from === "parent" ? "child" : "parent"}: ${describeMessage(line)}`
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
