/**
 * The C programs of the benchmarks, compiled anew for each run.
 *
 * @module
 */

const FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror"];

/** The source files of each program. */
const SOURCES = {
  generator: ["generator.c"],
  receiver: [
    "receiver.c",
    "recvfrom.c",
    "recvmmsg.c",
    "tpacket_v3.c",
    "ring.c",
    "io_uring.c",
    "io_uring_multishot.c",
  ],
  relay: ["relay.c"],
  scm_rights: ["scm_rights.c"],
};

export type ProgramName = keyof typeof SOURCES;

/** Compiled programs, in a folder that is removed on disposal. */
export class Programs implements Disposable {
  readonly #folder = Deno.makeTempDirSync();

  /** @throws {Error} If there is no C compiler, or a program does not compile. */
  constructor(...names: readonly ProgramName[]) {
    try {
      for (const name of names) compile(this.path(name), SOURCES[name]);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** The path of a program. */
  path(name: ProgramName): string {
    return `${this.#folder}/${name}`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

function compile(program: string, sources: readonly string[]): void {
  const cc = new Deno.Command("cc", {
    args: [...FLAGS, "-o", program, ...sources],
    cwd: new URL("c", import.meta.url),
    stderr: "inherit",
  });
  try {
    if (cc.outputSync().success) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(
      '"cc" is missing; install a C compiler and the headers of libc and Linux (on Debian: apt-get install gcc libc6-dev linux-libc-dev)',
    );
  }
  throw new Error(`Cannot compile ${sources.join(" ")}: cc failed`);
}
