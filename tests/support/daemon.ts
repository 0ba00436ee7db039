/**
 * A daemon for tests: a small C program, compiled at first use, that does whatever its words name.
 *
 * A word acts on the thread that runs it, by raw system calls, and threads that are started later
 * inherit the result. Numbers are decimal or hexadecimal (`0x2000`), lists have commas.
 *
 * | word                              | what it does                                              |
 * | --------------------------------- | --------------------------------------------------------- |
 * | `name=TEXT`                       | sets the name (`comm`) of the thread                      |
 * | `groups=GID,…` `gid=N` `uid=N`    | setgroups(2), setresgid(2), setresuid(2)                  |
 * | `uids=REAL,EFFECTIVE,SAVED`       | setresuid(2)                                              |
 * | `keep-capabilities`               | the next `uid=` leaves the permitted set as it is         |
 * | `capabilities=EFF,PRM,INH`        | capset(2)                                                 |
 * | `no-new-privs` `dumpable=0\|1`    | prctl(2)                                                  |
 * | `empty-bounding-set`              | prctl(2), PR_CAPBSET_DROP                                 |
 * | `parent-death-signal=N`           | prctl(2), PR_SET_PDEATHSIG; the next `uid=` clears it     |
 * | `unshare=FLAGS`                   | unshare(2), such as 0x400 for a descriptor table          |
 * | `chroot=PATH` `setsid`            | chroot(2), setsid(2)                                      |
 * | `open=PATH` `open-path=PATH`      | opens for reading and writing, or by O_PATH               |
 * | `terminal`                        | makes a terminal that controls the session                |
 * | `userfaultfd` `answer-calls`      | userfaultfd(2); a filter whose descriptor answers getpgid |
 * | `create=PATH` `unlink=PATH`       | opens a new file for writing; removes a name              |
 * | `close=FD` `copies=FD,N`          | closes a descriptor; duplicates one N times               |
 * | `close-from=FD`                   | close_range(2): that descriptor and all above             |
 * | `descriptor-limit=N`              | setrlimit(2), RLIMIT_NOFILE                               |
 * | `packet` `packet=IFINDEX`         | opens a packet socket, unbound or bound for all protocols |
 * | `raw`                             | opens a raw socket: raw(7)                                |
 * | `in-flight=FD`                    | sends FD into a socket pair's queue, and closes it        |
 * | `map-ring=FD`                     | maps a receive ring of packet socket FD, and closes it    |
 * | `io-uring=FLAGS` `ring-files=FD,…`| io_uring_setup(2); registers files with the last ring     |
 * | `ring-personality`                | registers the thread's credentials with the last ring     |
 * | `ring-without-trace`              | a ring, credentials in it, that shows nowhere    |
 * | `filter=HEX`                      | installs a filter of system calls on the thread           |
 * | `filter-everywhere=HEX`           | the same on all threads                                   |
 * | `write-execute=N`                 | makes N mappings that are writable and executable         |
 * | `thread` WORD… `end`              | starts a thread that runs the words, and then sleeps      |
 * | `threads=N`                       | starts N threads that sleep                               |
 * | `relay`                           | starts a thread that starts the next and ends, and so on  |
 * | `fork` WORD… `end`                | the same in a child process                               |
 * | `vfork`                           | (in a thread) a child that the thread waits for in vfork  |
 * | `relay-of-processes`              | the same with processes that share its memory             |
 * | `share-descriptors`               | a child with the same table of descriptors                |
 * | `execute`                         | executes its program again, with `on-signal=execute`      |
 * | `on-signal=WORD`                  | runs the word whenever SIGUSR1 comes                      |
 * | `exit`                            | ends the process                                          |
 * | `end-leader`                      | ends the first thread; another one goes on. The last word |
 *
 * Descriptors are numbered from 3. To change a packet socket of the daemon further (a fanout group,
 * a filter, a lock), copy its descriptor with copyDescriptor() and set the options on the copy.
 *
 * @module
 */

import { ROOT } from "./programs.ts";

/** The options of a daemon. */
export interface DaemonOptions {
  /** A command that starts it, such as `["unshare", "--net"]`. It must keep its process id. */
  readonly through?: readonly string[];
  /** Its `argv[0]`. */
  readonly called?: string;
}

/** The longest wait for the words of a daemon, in milliseconds. */
const READY_TIMEOUT = 20_000;

/** A daemon. At the end of the scope it is killed. It ends by itself after 60 s. */
export class Daemon implements AsyncDisposable {
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;

  /** Use {@linkcode startDaemon}. */
  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.pid = child.pid;
    this.#input = child.stdin.getWriter();
    this.#output = child.stdout.getReader();
  }

  /**
   * Runs more words, on the first thread.
   *
   * @throws {Error} If one of them fails. The daemon has then ended.
   */
  async run(...words: readonly string[]): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${words.join("\t")}\n`));
    await this.ready();
  }

  /** Waits until its words are done. */
  async ready(): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error("The daemon is silent")), READY_TIMEOUT);
    const reading = Promise.race([this.#output.read(), late.promise]);
    const { done } = await reading.finally(() => clearTimeout(timer));
    if (done) throw new Error(`The daemon has ended: ${await this.#child.stderr.text()}`);
  }

  /** Ends it, and returns when it is reaped. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
    await this.#child.status;
    await Promise.allSettled([this.#input.close(), this.#output.cancel()]);
    if (!this.#child.stderr.locked) await this.#child.stderr.cancel();
  }
}

/**
 * Starts a daemon, and waits until it has run its words.
 *
 * @example
 * ```ts
 * // nobody with a packet socket, and a capability on one of its two threads:
 * await using daemon = await startDaemon([
 *   "packet=1",
 *   "thread", "keep-capabilities", "uid=65534", "capabilities=0x2000,0x2000,0", "end",
 *   "groups=", "gid=65534", "uid=65534",
 * ]);
 * ```
 *
 * @throws {Error} If a word fails.
 */
export async function startDaemon(
  words: readonly string[] = [],
  { through = [], called }: DaemonOptions = {},
): Promise<Daemon> {
  const program = await compiled();
  const naming = called === undefined ? [] : ["bash", "-c", 'exec -a "$0" "$@"', called];
  const [command, ...args] = [...through, ...naming, program, ...words];
  const child = new Deno.Command(command, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const daemon = new Daemon(child);
  try {
    await daemon.ready();
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
  return daemon;
}

let program: Promise<string> | undefined;

/** Compiles the program once; its folder is removed when the tests of the file are over. */
function compiled(): Promise<string> {
  return program ??= compile();
}

async function compile(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "fdpass-daemon-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  await Deno.chmod(folder, 0o755);
  const path = `${folder}/daemon`;
  const { success, stderr } = await new Deno.Command("cc", {
    args: ["-Wall", "-Werror", "-pthread", "-o", path, `${ROOT}/tests/support/daemon.c`],
  }).output();
  if (!success) throw new Error(`daemon.c: ${new TextDecoder().decode(stderr)}`);
  return path;
}
