/**
 * Starts the child process, without fork and with as little as it needs.
 *
 * A runtime with threads cannot fork and carry on, so the child is a separate program, started by
 * `Deno.Command`. It gets:
 *
 * - Descriptors: standard input from /dev/null, standard output and error as pipes that the parent
 *   reads, and the descriptors in `inherit`. Every other descriptor of the parent from 3 up is made
 *   close-on-exec first. The child gets no terminal, because the holder of a terminal can type into
 *   root's shell. It creates a session of its own (setsid(2), in child_main.ts), so /dev/tty leads
 *   nowhere either, and the signals of a terminal (Ctrl-C, hangup) go to the parent, which decides.
 * - Permissions: Deno's permission to call libc, and no other. The permission is for `libc.so.6` in
 *   the child's working directory, so the child starts in libc's directory.
 * - Environment: the location of Deno's cache, and nothing else.
 * - Modules: local files. No configuration, no lock file, no npm package, nothing remote. If they
 *   are closed to the child, it gets copies (child_files.ts).
 * - Processes: a PID namespace, which ends with the child (pid_namespace.ts). Where none can be
 *   made, the parent finds and kills the processes that the child leaves behind (orphans.ts).
 * - Cache: a DENO_DIR of its own. A Deno process keeps the SQLite caches of its DENO_DIR open for
 *   writing. A child that kept root's after its drop could write code that a later run executes as
 *   root. In the child's DENO_DIR, folders take the names of those caches: SQLite cannot open a
 *   folder, and Deno falls back to memory.
 *
 * @module
 */

import { setCloseOnExec } from "../../ffi/process/descriptor.ts";
import { readTextFile } from "../../ffi/process/file.ts";
import { markCloseOnExecFrom } from "../../ffi/process/process.ts";
import { withOriginalMask } from "../../ffi/process/signals.ts";
import { ChildFiles } from "./child_files.ts";
import { descendantsOf, type SeenProcess } from "../inspect/processes/processes.ts";
import { killProcess } from "./killing.ts";
import { endOrphans, ownChildren } from "./orphans.ts";
import { PidNamespace } from "./pid_namespace.ts";
import { runtimeCall } from "../host/runtime_call.ts";
import { TraceLines, type TracePiece } from "./trace/lines.ts";

/** How a child is started. */
export interface ChildOptions {
  /** Its main module: a `file:` URL. */
  readonly module: string;
  readonly args: readonly string[];
  /** The descriptors that it inherits, under the same numbers. */
  readonly inherit: readonly number[];
  /**
   * A program, with its arguments, that changes its credentials and then becomes the child by
   * execve(2).
   */
  readonly launcher?: readonly string[];
  /** Where it finds its files, if it cannot read them where they are. */
  readonly files?: ChildFiles | undefined;
  /** Another child, whose PID namespace it shares. Without it, the child gets its own. */
  readonly beside?: ChildProcess | undefined;
  /** Receives each call and each structure of the child's trace, if it is traced. */
  readonly onTrace?: ((piece: TracePiece) => void) | undefined;
}

/** How a child ended, and what it wrote to standard output and error. */
export interface ChildEnd {
  readonly status: Deno.CommandStatus;
  readonly output: string;
  /** Describes what the child has left behind; `null` if nothing. */
  readonly leftBehind: string | null;
}

/**
 * The most that is kept of each output stream of a child, in characters. The rest is read and
 * discarded, because a child blocks on a full pipe.
 */
export const OUTPUT_LIMIT = 16 * 1024;

/**
 * How long the output may stay open after the child has ended, in milliseconds. Only another
 * process can hold the pipes by then.
 */
const OUTPUT_PATIENCE = 500;

/** A child process. `await using` kills it at the end of the scope. */
export class ChildProcess implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #streams: readonly Beginning[];
  #end: Promise<ChildEnd> | undefined;

  /**
   * @param namespace The PID namespace of the child, if it is not this process's own.
   * @param onTrace Receives the trace of the child, if it is traced.
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
   * The child and every process that it has started, zombies included, sorted by pid. Without a PID
   * namespace: all descendants of this process.
   */
  get processes(): SeenProcess[] {
    return this.namespace?.processesOf(this.pid) ?? descendantsOf(Deno.pid);
  }

  /** Resolves when the child is dead. */
  get died(): Promise<void> {
    return this.#process.status.then(() => {});
  }

  /** Waits until the child has ended. Processes that it leaves behind delay this only briefly. */
  ended(): Promise<ChildEnd> {
    if (this.#end === undefined) {
      this.#end = this.#waitForEnd();
      this.#end.catch(() => {}); // every caller gets the rejection from the promise itself
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
      : "another process holds its output";
    return { status, output: this.#streams.map(({ text }) => text).join(""), leftBehind };
  }

  /** Kills the child if it is still running. Only `ended` reaps it, so its pid is not reused. */
  kill(): void {
    try {
      killProcess(this.pid, "Cannot end the child", () => this.#process.kill("SIGKILL"));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
  }

  /** Kills the child and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.ended();
  }
}

/** Reads a stream to its end, and keeps the beginning. */
class Beginning {
  /** The part that is kept. */
  text = "";
  /** Resolves at the end of the stream: true, unless {@linkcode cut} ended it. */
  readonly isWhole: Promise<boolean>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #isCut = false;

  constructor(stream: ReadableStream<Uint8Array>, trace?: TraceLines) {
    this.#reader = stream.getReader();
    this.isWhole = this.#read(trace);
  }

  /** Stops reading. */
  cut(): void {
    this.#isCut = true;
    this.#reader.cancel();
  }

  async #read(trace?: TraceLines): Promise<boolean> {
    const decoder = new TextDecoder();
    for (;;) { // to the end: the child would block on a full pipe
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
 * Returns the directory of the libc that this process has loaded. The child starts in it.
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

/** {@linkcode libcFolder} of this process, read once: a loaded library does not move. */
export function ownLibcFolder(): string {
  return ownFolder ??= libcFolder();
}

const CACHES_HELD_OPEN = ["dep_analysis_cache_v2", "node_analysis_cache_v2", "v8_code_cache_v2"];

/**
 * Returns the child's DENO_DIR: a folder in the parent's own. So nothing is written elsewhere, and
 * a second run need not transpile again. Without a home or on a read-only disk, the child has no
 * cache and starts more slowly.
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
 * Makes sure that children can read their files: {@linkcode ChildFiles.show}.
 *
 * @param modules Their main modules, `file:` URLs.
 * @throws {CannotAnswer} If they cannot read them, and no copies can be shown to them.
 */
export function showChildFiles(modules: readonly string[]): Promise<ChildFiles | undefined> {
  return ChildFiles.show(modules, [Deno.execPath(), childCache()]);
}

/**
 * Starts a child.
 *
 * @throws {SystemError} If the descriptors cannot be prepared, or the process cannot be started.
 */
export function spawnChild(
  { module, args, inherit, launcher = [], files, beside, onTrace }: ChildOptions,
): ChildProcess {
  const folder = ownLibcFolder();
  const [program, ...launched] = [
    ...files?.launcher(folder) ?? [],
    ...launcher,
    Deno.execPath(),
  ];
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
    cwd: folder,
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
