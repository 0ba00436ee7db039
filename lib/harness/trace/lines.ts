/**
 * A trace, line by line: how the child's travels through its standard error to the parent, and how a line is printed.
 *
 * Every line of the child's has a mark, by which the parent tells it from its last words, and its call's time, so that a line of a structure
 * stays with its call whatever comes between. The child is what may be compromised: a line that is not as it should be is no trace.
 *
 * @module
 */

import type { Side } from "../../evidence/checks.ts";
import { escapeText } from "../../evidence/escape.ts";

/** What each line of a child's trace begins with: U+001E, a record separator, which no message has. */
export const MARK = "\x1e";

/** The longest line, in characters; what is longer is cut. */
const LINE_LIMIT = 4096;

/** A call that has returned, or a line of the structures behind its arguments. Texts are harmless for a terminal. */
export type TracePiece =
  | {
    readonly kind: "call";
    /** When it began, in milliseconds since 1970. */
    readonly began: number;
    /** How long it took. */
    readonly milliseconds: number;
    /** The thread; `null` for one that is not JavaScript's. */
    readonly tid: number | null;
    /** Such as `close(fd: 7) = 0`. */
    readonly text: string;
  }
  | { readonly kind: "detail"; readonly began: number; readonly text: string };

/** A piece as the child writes it. */
export function encodePiece(piece: TracePiece): string {
  const head = piece.kind === "detail"
    ? [piece.began, "detail"]
    : [piece.began, piece.milliseconds, piece.tid ?? "other"];
  return `${MARK}${head.join(" ")} ${escapeText(piece.text)}\n`;
}

const ENCODED = /^(\d{1,15}(?:\.\d+)?) (?:detail|(\d{1,10}(?:\.\d+)?) (\d{1,10}|other)) (.+)$/su;

function decodePiece(line: string): TracePiece | undefined {
  if (!line.startsWith(MARK)) return undefined;
  const match = line.slice(MARK.length).match(ENCODED);
  if (match === null) return undefined;
  const [, time, milliseconds, thread, all] = match;
  const began = Number(time), text = escapeText(all.toWellFormed());
  if (thread === undefined) return { kind: "detail", began, text };
  const tid = thread === "other" ? null : Number(thread);
  return { kind: "call", began, milliseconds: Number(milliseconds), tid, text };
}

/** Tells a child's trace from what else it writes. Nothing of the trace is kept, but for a line that is not complete. */
export class TraceLines {
  readonly #report: (piece: TracePiece) => void;
  #line = "";

  /** @param tell Is given each line of the trace, harmless for a terminal. */
  constructor(tell: (piece: TracePiece) => void) {
    this.#report = tell;
  }

  /** Takes a piece of what the child wrote; returns what of it is not its trace. */
  take(text: string): string {
    let rest = "";
    const lines = (this.#line + text).split("\n");
    this.#line = lines.pop()!;
    for (const line of lines) rest += this.#tellOf(line.slice(0, LINE_LIMIT), "\n");
    if (!this.#line.startsWith(MARK)) {
      rest += this.#line;
      this.#line = "";
    } else {
      this.#line = this.#line.slice(0, LINE_LIMIT);
    }
    return rest;
  }

  #tellOf(line: string, end: string): string {
    const piece = decodePiece(line);
    if (piece === undefined) return line + end;
    this.#report(piece);
    return "";
  }
}

/** A piece as it is printed: whose it is, its call's time, then the call, or, further in, a line of its structures. */
export function renderPiece(side: Side, piece: TracePiece): string {
  const head = `${`[${side}]`.padEnd(8)} ${timeOfDay(piece.began)}`;
  if (piece.kind === "detail") return `${head}     ${piece.text}\n`;
  const { tid, text, milliseconds } = piece;
  return `${head} ${tid ?? "another thread"} ${text} <${milliseconds.toFixed(3)} ms>\n`;
}

/** In UTC, to the microsecond. */
function timeOfDay(milliseconds: number): string {
  const microseconds = Math.floor(milliseconds * 1000) % 86_400_000_000;
  const [seconds] = new Date(Math.floor(microseconds / 1000)).toISOString().slice(11).split(".");
  return `${seconds}.${String(microseconds % 1_000_000).padStart(6, "0")}`;
}
