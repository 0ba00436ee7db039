/**
 * A copy of the project in a home that only its owner may enter, as `chmod 700` makes it.
 *
 * @module
 */

import { type Outcome, runProgram } from "../support/programs.ts";

/** The uid and gid of the owner: no user of this machine, and neither root nor nobody. */
const OWNER = 54321;

/** A home, removed at the end of the scope of an `await using`. */
export class PrivateHome implements AsyncDisposable {
  /** The path of the home. */
  readonly path: string;

  private constructor(readonly parent: string) {
    this.path = `${parent}/home`;
  }

  /** Makes a home of mode 0700, with the project in `fdpass`. */
  static async make(): Promise<PrivateHome> {
    const home = new PrivateHome(await Deno.makeTempDir());
    await Deno.chmod(home.parent, 0o755);
    const copy = `mkdir -p "$0/fdpass/tests" &&
      cp -R main.ts deno.json deno.lock ffi lib "$0/fdpass" &&
      cp -R tests/hostile tests/refutations tests/support "$0/fdpass/tests" && chmod -R a+rX "$0"`;
    await home.#do(copy);
    await home.do(`chmod 700 "$0"`);
    return home;
  }

  /** Runs a line of shell with the home as `$0`; then everything in the home is its owner's. */
  async do(script: string): Promise<void> {
    await this.#do(script);
    await this.#do(`chown -R ${OWNER}:${OWNER} "$0"`);
  }

  async #do(script: string): Promise<void> {
    const { code, stderr } = await runProgram("sh", ["-c", script, this.path]);
    if (code !== 0) throw new Error(stderr);
  }

  /**
   * Runs a program in its folder of the project, in the namespaces of the test.
   *
   * @param command Its file, and its arguments.
   * @param before Words that stand before `deno`, such as `["setpriv", …]`.
   */
  run(command: readonly string[], { before = [], deno = Deno.execPath() }: {
    readonly before?: readonly string[];
    readonly deno?: string;
  } = {}): Promise<Outcome> {
    const words = [`--chdir=${this.path}/fdpass`, ...before, deno, "run", "-A", ...command];
    return runProgram("env", words);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.parent, { recursive: true });
  }
}
