/**
 * Where results and messages go: standard output and standard error, whole or not at all.
 *
 * @module
 */

/** A stream of this process's. */
export type Stream = typeof Deno.stdout | typeof Deno.stderr;

/** Writes all of a text. Returns false if the stream does not take it: its reader is gone, the disk is full. */
export function write(stream: Stream, text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let written = 0; written < bytes.length;) {
      written += stream.writeSync(bytes.subarray(written));
    }
    return true;
  } catch {
    return false;
  }
}

/** Whether a stream is a terminal that takes control sequences. */
export function isTerminal(stream: Stream): boolean {
  return stream.isTerminal() && Deno.env.get("TERM") !== "dumb";
}

/** Whether a stream is to be written in colour: on a terminal that can, unless `NO_COLOR` (no-color.org) is set to anything. */
export function wantsColor(stream: Stream): boolean {
  return isTerminal(stream) && !Deno.env.get("NO_COLOR");
}
