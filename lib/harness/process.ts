/**
 * Starting the child: without fork, with the least that works.
 *
 * A runtime with threads cannot fork and go on, so the child is a program of its own, started by `Deno.Command`. What it
 * gets is decided here, and is little:
 *
 * - Descriptors: standard input from /dev/null, standard output and error as pipes that the parent reads, and those
 *   named in `inherit`. Everything else of the parent's from 3 up is made close-on-exec first. No terminal:
 *   whoever holds one can type into root's shell. The child makes a session of its own (setsid(2), in child.ts), so that /dev/tty leads nowhere either,
 *   and what a terminal signals (Ctrl-C, its end) goes to the parent, which decides.
 * - Permissions: the foreign function interface to libc, and nothing else of Deno's. The permission is for
 *   `libc.so.6` in the child's working directory, so that is where it starts.
 * - Environment: nothing but where Deno's cache is.
 * - Modules: local files. No configuration, no lock file, no npm package, nothing remote.
 * - Processes: a PID namespace, which ends with it (pid_namespace.ts), or else what it leaves behind is looked for (orphans.ts).
 * - Cache: one of its own, since a Deno process holds the SQLite caches of its DENO_DIR open for writing, and a child that
 *   keeps them after its drop could write code which a later run by root executes. In the child's
 *   DENO_DIR their names are taken by folders: SQLite cannot open those, and Deno makes do with memory.
 *
 * @module
 */

import { setCloseOnExec } from "../../ffi/process/descriptor.ts";
import { readTextFile } from "../../ffi/process/file.ts";
import { markCloseOnExecFrom } from "../../ffi/process/process.ts";
import { withOriginalMask } from "../../ffi/process/signals.ts";
import { descendantsOf, type SeenProcess } from "../inspect/processes.ts";
import { endOrphans, ownChildren } from "./orphans.ts";
import { PidNamespace } from "./pid_namespace.ts";
import { runtimeCall } from "../host/runtime_call.ts";
import { TraceLines, type TracePiece } from "./trace/lines.ts";

/** What a child is started with. */
export interface ChildOptions {
  /** The module that it runs: a `file:` URL. */
  readonly module: string;
  readonly args: readonly string[];
  /** The descriptors that cross, under their own numbers. */
  readonly inherit: readonly number[];
  /** A program, with its arguments, that changes what it is and then becomes the child by execve. */
  readonly launcher?: readonly string[];
  /** Another child, whose PID namespace it is to share: it is started in one of its own otherwise. */
  readonly beside?: ChildProcess | undefined;
  /** Is given each call and each structure of its trace, if it is to be traced. */
  readonly onTrace?: ((piece: TracePiece) => void) | undefined;
}

/** How a child ended, and what it wrote, if it wrote anything. */
export interface ChildEnd {
  readonly status: Deno.CommandStatus;
  readonly output: string;
  /** What it has left behind, in words; `null` if it is gone altogether. */
  readonly leftBehind: string | null;
}

/**
 * The most that is kept of each of the two streams that a child writes, in characters. What is read beyond it is thrown away, since a child
 * stops at a full pipe.
 */
export const OUTPUT_LIMIT = 16 * 1024;

/** How long the output may go on when the child has ended, in milliseconds: whoever holds the pipes then is somebody else. */
const OUTPUT_PATIENCE = 500;

/** A started child. Leaving the scope of an `await using` ends it. */
export class ChildProcess implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #streams: readonly Beginning[];
  #end: Promise<ChildEnd> | undefined;

  /**
   * @param namespace Where it was started, if not in this process's own PID namespace.
   * @param onTrace Is given what it tells of its calls; without it, it has none.
   */
  constructor(
    process: Deno.ChildProcess,
    readonly namespace?: PidNamespace,
    onTrace?: (piece: TracePiece) => void,
  ) {
    this.#process = process;
    ownChildren.add(process.pid);
    const trace = onTrace && new TraceLines(onTrace);
    this.#streams = [new Beginning(process.stdout), new Beginning(process.stderr, trace)];
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /**
   * It and all that it has started, those that have ended and were not reaped among them; sorted. Without a PID namespace, all that descends from this
   * process.
   */
  get processes(): SeenProcess[] {
    return this.namespace?.processesOf(this.pid) ?? descendantsOf(Deno.pid);
  }

  /** Resolves when it is dead. */
  get died(): Promise<void> {
    return this.#process.status.then(() => {});
  }

  /** Waits for its end. Of what it leaves behind, nothing delays that for long. */
  ended(): Promise<ChildEnd> {
    if (this.#end === undefined) {
      this.#end = this.#waitForEnd();
      this.#end.catch(() => {}); // whoever waits for it is told, now or later
    }
    return this.#end;
  }

  async #waitForEnd(): Promise<ChildEnd> {
    const status = await this.#process.status;
    ownChildren.delete(this.pid);
    const left = await (this.namespace?.leave(this.pid) ?? endOrphans());
    const timer = setTimeout(() => this.#streams.forEach((each) => each.cut()), OUTPUT_PATIENCE);
    const areWhole = await Promise.all(this.#streams.map(({ isWhole }) => isWhole));
    clearTimeout(timer);
    const leftBehind = left > 0
      ? `it left ${left === 1 ? "1 process" : `${left} processes`} behind, now killed`
      : areWhole.every((isWhole) => isWhole)
      ? null
      : "somebody else holds its output";
    return { status, output: this.#streams.map(({ text }) => text).join(""), leftBehind };
  }

  /** Kills it, if it is still there. It is reaped by `ended` only, so the pid cannot be anybody else's. */
  kill(): void {
    try {
      runtimeCall("kill", "Cannot end the child", () => this.#process.kill("SIGKILL"));
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

/** The beginning of a stream that is read to its end. */
class Beginning {
  /** What of it is kept. */
  text = "";
  /** Settles at its end: whether that came by itself. */
  readonly isWhole: Promise<boolean>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #isCut = false;

  constructor(stream: ReadableStream<Uint8Array>, trace?: TraceLines) {
    this.#reader = stream.getReader();
    this.isWhole = this.#read(trace);
  }

  /** Ends it here. */
  cut(): void {
    this.#isCut = true;
    this.#reader.cancel();
  }

  async #read(trace?: TraceLines): Promise<boolean> {
    const decoder = new TextDecoder();
    for (;;) { // to the end, or the child would stop at a full pipe
      const { done, value } = await this.#reader.read();
      if (done) return !this.#isCut;
      if (trace === undefined && this.text.length === OUTPUT_LIMIT) continue;
      const piece = decoder.decode(value, { stream: true });
      const words = trace === undefined ? piece : trace.take(piece);
      this.text = (this.text + words).slice(0, OUTPUT_LIMIT);
    }
  }
}

/**
 * The folder of the libc that this process has loaded: the child starts there.
 *
 * @throws {Error} If none is mapped.
 */
export function libcFolder(maps = readTextFile("/proc/self/maps", MOST_MAPS)): string {
  const match = maps.match(/ (\/.*)\/libc\.so\.6$/m);
  if (match === null) throw new Error("No libc.so.6 is mapped into this process");
  return match[1];
}

/** Bytes: a process may have 65530 mappings (vm.max_map_count), each a line of some 100 bytes. */
const MOST_MAPS = 16 * 1024 * 1024;

let ownFolder: string | undefined;

/** {@linkcode libcFolder} of this process, which is looked up once: a loaded library does not move. */
export function ownLibcFolder(): string {
  return ownFolder ??= libcFolder();
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
 * @throws {SystemError} If the descriptors cannot be prepared, or the system refuses a process.
 */
export function spawnChild(
  { module, args, inherit, launcher = [], beside, onTrace }: ChildOptions,
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
    cwd: ownLibcFolder(),
    clearEnv: true,
    env: { DENO_DIR: childCache(), DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const spawn = () =>
    runtimeCall(
      "spawn",
      `Cannot start "${program}"`,
      () => withOriginalMask(() => command.spawn()),
    );
  markCloseOnExecFrom(3);
  const namespace = beside === undefined ? PidNamespace.make() : beside.namespace;
  inherit.forEach((fd) => setCloseOnExec(fd, false));
  try {
    return new ChildProcess(namespace?.start(spawn) ?? spawn(), namespace, onTrace);
  } catch (error) {
    namespace?.endIfEmpty();
    throw error;
  } finally {
    inherit.forEach((fd) => setCloseOnExec(fd, true));
  }
}
