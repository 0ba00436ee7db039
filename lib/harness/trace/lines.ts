/**
 * The lines of a trace: how a child's trace travels to the parent through the child's standard
 * error, and how a line is printed.
 *
 * Each line of the child starts with a mark, which distinguishes it from other output, and the time
 * of its call, so that the lines of a structure stay with their call whatever comes between. The
 * child may be compromised: a line that does not parse is treated as ordinary output.
 *
 * @module
 */

import type { Side } from "../../evidence/checks.ts";
import { escapeText } from "../../evidence/escape.ts";

/** The mark at the start of each line of a child's trace: U+001E, a record separator. */
export const TRACE_MARK = "\x1e";

/** The longest line, in characters. A longer one is cut. */
const LINE_LIMIT = 4096;

/**
 * A call that has returned, or a line about a structure behind its arguments. Texts are escaped.
 */
export type TracePiece =
  | {
    readonly kind: "call";
    /** When the call began, in milliseconds since 1970. */
    readonly began: number;
    /** Its duration, in milliseconds. */
    readonly milliseconds: number;
    /** The thread id; `null` for a thread that does not run JavaScript. */
    readonly tid: number | null;
    /** Such as `close(fd: 7) = 0`. */
    readonly text: string;
  }
  | { readonly kind: "detail"; readonly began: number; readonly text: string };

/** Encodes a piece as the line that the child writes. */
export function encodePiece(piece: TracePiece): string {
  const head = piece.kind === "detail"
    ? [piece.began, "detail"]
    : [piece.began, piece.milliseconds, piece.tid ?? "other"];
  return `${TRACE_MARK}${head.join(" ")} ${escapeText(piece.text)}\n`;
}

const ENCODED = /^(\d{1,15}(?:\.\d+)?) (?:detail|(\d{1,10}(?:\.\d+)?) (\d{1,10}|other)) (.+)$/su;

function decodePiece(line: string): TracePiece | undefined {
  if (!line.startsWith(TRACE_MARK)) return undefined;
  const match = line.slice(TRACE_MARK.length).match(ENCODED);
  if (match === null) return undefined;
  const [, time, milliseconds, thread, all] = match;
  const began = Number(time), text = escapeText(all.toWellFormed());
  if (thread === undefined) return { kind: "detail", began, text };
  const tid = thread === "other" ? null : Number(thread);
  return { kind: "call", began, milliseconds: Number(milliseconds), tid, text };
}

/** Separates a child's trace from its other output. Keeps nothing but an incomplete line. */
export class TraceLines {
  readonly #report: (piece: TracePiece) => void;
  #line = "";

  /** @param report Receives each piece of the trace, with escaped texts. */
  constructor(report: (piece: TracePiece) => void) {
    this.#report = report;
  }

  /** Takes a part of the child's output. Returns the part of it that is not trace. */
  take(text: string): string {
    let rest = "";
    const lines = (this.#line + text).split("\n");
    this.#line = lines.pop()!;
    for (const line of lines) rest += this.#takeLine(line.slice(0, LINE_LIMIT), "\n");
    if (!this.#line.startsWith(TRACE_MARK)) {
      rest += this.#line;
      this.#line = "";
    } else {
      this.#line = this.#line.slice(0, LINE_LIMIT);
    }
    return rest;
  }

  #takeLine(line: string, end: string): string {
    const piece = decodePiece(line);
    if (piece === undefined) return line + end;
    this.#report(piece);
    return "";
  }
}

/**
 * Renders a piece: the side, the time of the call, then the call or, indented, a line about a
 * structure.
 */
export function renderPiece(side: Side, piece: TracePiece): string {
  const head = `${`[${side}]`.padEnd(8)} ${timeOfDay(piece.began)}`;
  if (piece.kind === "detail") return `${head}     ${piece.text}\n`;
  const { tid, text, milliseconds } = piece;
  return `${head} ${tid ?? "another thread"} ${text} <${milliseconds.toFixed(3)} ms>\n`;
}

/** Formats the time of day in UTC, to the microsecond. */
function timeOfDay(milliseconds: number): string {
  const microseconds = Math.floor(milliseconds * 1000) % 86_400_000_000;
  const [seconds] = new Date(Math.floor(microseconds / 1000)).toISOString().slice(11).split(".");
  return `${seconds}.${String(microseconds % 1_000_000).padStart(6, "0")}`;
}
