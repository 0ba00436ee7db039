/**
 * Starting the child: without fork, with the least that works.
 *
 * A runtime with threads cannot fork and go on, so the child is a program of its own, started by `Deno.Command`. What it
 * gets is decided here, and is little:
 *
 * - Descriptors: standard input from /dev/null, standard output and error as pipes that the parent reads, and those
 *   named in `inherit`. Everything else of the parent's from 3 up is made close-on-exec first. No terminal:
 *   whoever holds one can type into root's shell.
 * - Permissions: the foreign function interface to libc, and nothing else of Deno's. The permission is for
 *   `libc.so.6` in the child's working directory, so that is where it starts.
 * - Environment: nothing but where Deno's cache is.
 * - Modules: local files. No configuration, no lock file, no npm package, nothing remote.
 * - Cache: one of its own, since a Deno process holds the SQLite caches of its DENO_DIR open for writing, and a child that
 *   keeps them after its drop could write code which a later run by root executes. In the child's
 *   DENO_DIR their names are taken by folders: SQLite cannot open those, and Deno makes do with memory.
 *
 * @module
 */

import { markCloseOnExecFrom, readTextFile, setCloseOnExec } from "../ffi/mod.ts";
import { TraceLines } from "./trace_lines.ts";

/** What a child is started with. */
export interface ChildOptions {
  /** The module that it runs: a `file:` URL. */
  readonly module: string;
  readonly args: readonly string[];
  /** The descriptors that cross, under their own numbers. */
  readonly inherit: readonly number[];
  /** A program, with its arguments, that changes what it is and then becomes the child by execve. */
  readonly launcher?: readonly string[];
  /** Is given each line of its trace, if it is to be traced. */
  readonly onTrace?: ((line: string) => void) | undefined;
}

/** How a child ended, and what it wrote, if it wrote anything. */
export interface ChildEnd {
  readonly status: Deno.CommandStatus;
  readonly output: string;
}

/** The most that is kept of what a child writes, in bytes. */
const OUTPUT_LIMIT = 16 * 1024;

/** A started child. Leaving the scope of an `await using` ends it. */
export class ChildProcess implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #output: Promise<string>;

  /** @param onTrace Is given each line of its trace; without it, it has none. */
  constructor(process: Deno.ChildProcess, onTrace?: (line: string) => void) {
    this.#process = process;
    const trace = onTrace && new TraceLines(onTrace);
    this.#output = Promise.all([beginningOf(process.stdout), beginningOf(process.stderr, trace)])
      .then((texts) => texts.join(""));
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Waits for its end. */
  async ended(): Promise<ChildEnd> {
    return { status: await this.#process.status, output: await this.#output };
  }

  /** Kills it, if it is still there. It is reaped by `ended` only, so the pid cannot be anybody else's. */
  kill(): void {
    try {
      this.#process.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
  }

  /** Kills it and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.ended();
  }
}

async function beginningOf(
  stream: ReadableStream<Uint8Array>,
  trace?: TraceLines,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) { // to the end, or the child would stop at a full pipe
    if (trace === undefined && text.length >= OUTPUT_LIMIT) continue;
    const piece = decoder.decode(chunk, { stream: true });
    const words = trace === undefined ? piece : trace.take(piece);
    if (text.length < OUTPUT_LIMIT) text += words;
  }
  return text.slice(0, OUTPUT_LIMIT);
}

/**
 * The folder of the libc that this process has loaded: the child starts there.
 *
 * @throws {Error} If none is mapped.
 */
export function libcFolder(maps: string = readTextFile("/proc/self/maps")): string {
  const match = maps.match(/ (\/.*)\/libc\.so\.6$/m);
  if (match === null) throw new Error("No libc.so.6 is mapped into this process");
  return match[1];
}

const CACHES_HELD_OPEN = ["dep_analysis_cache_v2", "node_analysis_cache_v2", "v8_code_cache_v2"];

/**
 * The child's DENO_DIR: a folder in the parent's own, so that nothing is written anywhere else, nothing is left over, and the second run
 * need not transpile again. Where there is none (no home, a read-only disk), the child does without, and starts slower.
 */
function childCache(): string {
  const own = Deno.env.get("DENO_DIR") ?? joined(Deno.env.get("XDG_CACHE_HOME"), "deno") ??
    joined(Deno.env.get("HOME"), ".cache/deno");
  if (own === undefined) return NO_CACHE;
  const folder = `${own}/fdpass_child`;
  try {
    for (const name of CACHES_HELD_OPEN) {
      Deno.mkdirSync(`${folder}/${name}`, { recursive: true, mode: 0o700 });
    }
    return folder;
  } catch {
    return NO_CACHE;
  }
}

const NO_CACHE = "/dev/null/deno";

function joined(folder: string | undefined, name: string): string | undefined {
  return folder === undefined || folder === "" ? undefined : `${folder}/${name}`;
}

/**
 * Starts a child.
 *
 * @throws {SystemError} If the descriptors cannot be prepared.
 */
export function spawnChild(
  { module, args, inherit, launcher = [], onTrace }: ChildOptions,
): ChildProcess {
  const [program, ...launched] = [...launcher, Deno.execPath()];
  const command = new Deno.Command(program, {
    args: [
      ...launched,
      "run",
      "--allow-ffi=libc.so.6",
      "--no-prompt",
      "--no-config",
      "--no-lock",
      "--no-npm",
      "--no-remote",
      "--no-code-cache",
      "--quiet",
      module,
      ...args,
    ],
    cwd: libcFolder(),
    clearEnv: true,
    env: { DENO_DIR: childCache(), DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  markCloseOnExecFrom(3);
  inherit.forEach((fd) => setCloseOnExec(fd, false));
  try {
    return new ChildProcess(command.spawn(), onTrace);
  } finally {
    inherit.forEach((fd) => setCloseOnExec(fd, true));
  }
}
