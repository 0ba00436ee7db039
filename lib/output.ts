/**
 * Where results and messages go: standard output and standard error, whole or not at all.
 *
 * @module
 */

import { descriptorAccess } from "../ffi/mod.ts";

/** A stream of this process's. */
export type Stream = typeof Deno.stdout | typeof Deno.stderr;

/** Writes all of a text. Returns whether the stream takes it. */
export function write(stream: Stream, text: string): boolean {
  return writeFailure(stream, text) === null;
}

/** {@linkcode write}, which says why the stream does not take a text: its reader is gone, the disk is full, it can only be read. `null` if it does. */
export function writeFailure(stream: Stream, text: string): string | null {
  const bytes = new TextEncoder().encode(text);
  try {
    if (!isWritable(stream)) return "write: Bad file descriptor (EBADF)";
    for (let written = 0; written < bytes.length;) {
      written += stream.writeSync(bytes.subarray(written));
    }
    return null;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return `write: ${
      error.message.replace(/os error \d+/, (error as { code?: string }).code ?? "$&")
    }`;
  }
}

/** Whether a stream was opened for writing. The runtime does not mind if it was not, and drops what is written: handle_ebadf in Rust's std::io::stdio. */
function isWritable(stream: Stream): boolean {
  return ["w", "rw"].includes(descriptorAccess(stream === Deno.stdout ? 1 : 2));
}

/** Whether a stream is a terminal that takes control sequences. */
export function isTerminal(stream: Stream): boolean {
  return stream.isTerminal() && Deno.env.get("TERM") !== "dumb";
}

/** How many characters fit into a line of the terminal; 80 if it does not tell. */
export function terminalColumns(): number {
  try {
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}

/** Whether a stream is to be written in colour: on a terminal that can, unless `NO_COLOR` (no-color.org) is set to anything. */
export function wantsColor(stream: Stream): boolean {
  return isTerminal(stream) && !Deno.env.get("NO_COLOR");
}
