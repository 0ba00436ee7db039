/**
 * Where results and messages go: standard output and standard error, whole or not at all.
 *
 * @module
 */

import { descriptorAccess } from "../../ffi/process/descriptor.ts";

/** A stream of this process's. */
export type Stream = typeof Deno.stdout | typeof Deno.stderr;

/** Writes all of a text. Returns whether the stream takes it. */
export function write(stream: Stream, text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  try {
    if (!isWritable(stream)) return false;
    for (let written = 0; written < bytes.length;) {
      written += stream.writeSync(bytes.subarray(written));
    }
    return true;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return false;
  }
}

/** How long a reader may take nothing once somebody wants an end, in milliseconds. */
const READER_PATIENCE = 2000;

/** What is written at once: as much as an empty pipe takes (pipe(7)), so that a reader who reads is told from one who does not. */
const PIECE_SIZE = 1 << 16;

/**
 * Writes all of a text, however long its reader takes; if `signal` is aborted, only for as long as he reads.
 *
 * @returns Why the stream does not take it: its reader is gone or does not read, the disk is full, it can only be read. `null` if it does.
 */
export async function writePatiently(
  stream: Stream,
  text: string,
  signal: AbortSignal,
): Promise<string | null> {
  const bytes = new TextEncoder().encode(text);
  try {
    if (!isWritable(stream)) return "write: Bad file descriptor (EBADF)";
    for (let written = 0; written < bytes.length;) {
      const piece = bytes.subarray(written, written + PIECE_SIZE);
      written += await unlessStuck(stream.write(piece), signal);
    }
    return null;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return `write: ${
      error.message.replace(/os error \d+/, (error as { code?: string }).code ?? "$&")
    }`;
  }
}

/** Waits for what may never be done, a while at most once `signal` is aborted: its reason is thrown then. */
async function unlessStuck<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: stuck, reject } = Promise.withResolvers<never>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const hurry = () => timer = setTimeout(() => reject(signal.reason), READER_PATIENCE);
  if (signal.aborted) hurry();
  else signal.addEventListener("abort", hurry);
  try {
    return await Promise.race([work, stuck]);
  } finally {
    signal.removeEventListener("abort", hurry);
    clearTimeout(timer);
  }
}

/** What {@linkcode isWritable} has found: it does not change, and whoever prints a trace asks for each line. */
const found = new Map<Stream, boolean>();

/** Whether a stream was opened for writing. The runtime does not mind if it was not, and drops what is written: handle_ebadf in Rust's std::io::stdio. */
function isWritable(stream: Stream): boolean {
  return found.getOrInsertComputed(
    stream,
    () => ["w", "rw"].includes(descriptorAccess(stream === Deno.stdout ? 1 : 2)),
  );
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
