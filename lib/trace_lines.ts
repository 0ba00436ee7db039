/**
 * The child's trace, on its way through its standard error to the parent's.
 *
 * @module
 */

import { escapeText } from "./report/escape.ts";

/** What each line of a child's trace begins with: U+001E, a record separator, which no message has. */
export const MARK = "\x1e";

/** The longest line that is waited for, in characters; what is longer is cut into several. */
const LINE_LIMIT = 4096;

/** Tells a child's trace from what else it writes. Nothing of the trace is kept, but for a line that is not complete. */
export class TraceLines {
  readonly #print: (line: string) => void;
  #line = "";

  /** @param print Is given each line of the trace, harmless for a terminal. */
  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** Takes a piece of what the child wrote; returns what of it is not its trace. */
  take(text: string): string {
    let rest = "";
    const lines = (this.#line + text).split("\n");
    this.#line = lines.pop()!;
    for (const line of lines) {
      if (line.startsWith(MARK)) this.#print(escapeText(line.slice(MARK.length)));
      else rest += `${line}\n`;
    }
    if (this.#line.length > LINE_LIMIT || !this.#line.startsWith(MARK) && this.#line !== "") {
      rest += this.#cut();
    }
    return rest;
  }

  #cut(): string {
    const line = this.#line;
    this.#line = line.startsWith(MARK) ? MARK : "";
    if (!line.startsWith(MARK)) return line;
    this.#print(escapeText(line.slice(MARK.length)));
    return "";
  }
}
