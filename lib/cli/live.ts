/**
 * Shows progress while a run waits. On a terminal it is one line, which is overwritten and finally
 * erased. Elsewhere it is one plain line per second, for experiments whose workers have counters.
 *
 * @module
 */

import { escapeText } from "../evidence/escape.ts";
import type { RunProgress, ShowProgress } from "../harness/run.ts";

/**
 * The period of the line on a terminal, in milliseconds. A run that ends sooner shows no line.
 */
const TERMINAL_PERIOD = 200;

/** The period of plain lines, in milliseconds. */
const PLAIN_PERIOD = 1000;

/** Where progress is shown. */
export interface ProgressOutput {
  readonly write: (text: string) => void;
  /** The width of the terminal in characters; `undefined` if it is not a terminal. */
  readonly columns: number | undefined;
}

/** Returns a function that shows the progress of an experiment on `output`. */
export function progressOn(output: ProgressOutput): ShowProgress {
  const { columns } = output;
  return columns === undefined
    ? (name, _deadline, progress) => new PlainLines(output, name, progress)
    : (name, deadline, progress) =>
      new TerminalLine(output, () => progressLine(name, deadline, progress).slice(0, columns - 1));
}

class PlainLines implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;

  constructor({ write }: ProgressOutput, name: string, progress: RunProgress) {
    this.#timer = setInterval(() => {
      const { counters } = progress;
      if (counters !== undefined) write(`${escapeText(`${name}: ${counters()}`)}\n`);
    }, PLAIN_PERIOD);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** A line that is overwritten. It must not wrap, since a wrapped line cannot be erased. */
class TerminalLine implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #write: (text: string) => void;
  #isShown = false;

  constructor({ write }: ProgressOutput, line: () => string) {
    this.#write = write;
    this.#timer = setInterval(() => {
      this.#isShown = true;
      write(`\r${line()}\x1b[K`);
    }, TERMINAL_PERIOD);
  }

  /** Erases the line. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#isShown) this.#write("\r\x1b[K");
  }
}

function progressLine(
  name: string,
  deadline: number,
  { packetCount, counters }: RunProgress,
): string {
  const left = `${Math.max(0, Math.ceil((deadline - performance.now()) / 1000))} s left`;
  const done = counters?.() ?? `${packetCount} packet${packetCount === 1 ? "" : "s"} so far`;
  return escapeText(`${name}: ${left}, ${done}`);
}
