/**
 * Writes results and messages to standard output and standard error, and detects every failure.
 *
 * @module
 */

import { descriptorAccess } from "../../ffi/process/descriptor.ts";

/** An output stream of this process. */
export type Stream = typeof Deno.stdout | typeof Deno.stderr;

/** Writes a text. Returns whether all of it was written. */
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

/** How long a reader may block the stream after an interruption, in milliseconds. */
const READER_PATIENCE = 2000;

/**
 * The size of one write: the capacity of an empty pipe (pipe(7)). A slow reader then completes some
 * writes, and a stuck one completes none.
 */
const CHUNK_SIZE = 1 << 16;

/**
 * Writes a text, however long its reader takes. Once `signal` is aborted, it gives up if the stream
 * is blocked for two seconds.
 *
 * @returns The reason for a failure: the reader is gone or stuck, the disk is full, the descriptor
 * is not open for writing. `null` if all of the text was written.
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
      const chunk = bytes.subarray(written, written + CHUNK_SIZE);
      written += await unlessStuck(stream.write(chunk), signal);
    }
    return null;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return `write: ${
      error.message.replace(/os error \d+/, (error as { code?: string }).code ?? "$&")
    }`;
  }
}

/**
 * Waits for `work`. Once `signal` is aborted, it waits for a limited time, and then throws the
 * signal's reason.
 */
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

/**
 * The results of {@linkcode isWritable}: they never change, and a trace needs one for each line.
 */
const known = new Map<Stream, boolean>();

/**
 * Whether a stream was opened for writing. If it was not, the runtime silently discards everything
 * written to it (`handle_ebadf` in Rust's std::io::stdio).
 */
function isWritable(stream: Stream): boolean {
  return known.getOrInsertComputed(
    stream,
    () => ["w", "rw"].includes(descriptorAccess(stream === Deno.stdout ? 1 : 2)),
  );
}

/** Whether a stream is a terminal that understands control sequences. */
export function isTerminal(stream: Stream): boolean {
  return stream.isTerminal() && Deno.env.get("TERM") !== "dumb";
}

/** Returns the width of the terminal in characters; 80 if it is unknown. */
export function terminalColumns(): number {
  try {
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}

/** Whether to use colour on a stream: on a terminal, unless `NO_COLOR` (no-color.org) is set. */
export function wantsColor(stream: Stream): boolean {
  return isTerminal(stream) && !Deno.env.get("NO_COLOR");
}
