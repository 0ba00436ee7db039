/**
 * Calls that fail under a storm of signals: whether their errno is theirs.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import { ROOT } from "../../support/programs.ts";

/** What is put under a storm: see `./programs/errno_storm.ts`. */
export interface Stormy {
  readonly process: "listening" | "refused" | "plain" | "hardened";
  readonly isCured: boolean;
  /** How many calls are made, if it is cured. */
  readonly calls: number;
  /** How many other calls are made before errno is read. */
  readonly pause: number;
}

/** What came of it: how many calls were made, and how many of them had which errno that is not theirs. */
export interface Errnos {
  readonly made: number;
  readonly wrong: Readonly<Record<string, number>>;
}

/** One side of a storm. */
class Side implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines;

  constructor(...args: readonly string[]) {
    const program = `${ROOT}/tests/lib/harness/programs/errno_storm.ts`;
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", program, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "null", // it may find that the other has ended
    }).spawn();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  get pid(): string {
    return String(this.#process.pid);
  }

  async line(): Promise<string> {
    const { value } = await this.#lines.read();
    if (value === undefined) throw new Error("It has ended, and said nothing");
    return String(value);
  }

  async begin(): Promise<void> {
    const writer = this.#process.stdin.getWriter();
    await writer.write(Uint8Array.of(10));
    await writer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch { /* it has ended */ }
    await this.#lines.cancel();
    await this.#process.status;
  }
}

/** Has calls be made under a storm. */
export async function errnosInStorm(stormy: Stormy): Promise<Errnos> {
  const { process, isCured, calls, pause } = stormy;
  await using caller = new Side(
    ...["calls", process, isCured ? "cured" : "uncured", String(calls), String(pause)],
  );
  await caller.line();
  await using storm = new Side("signals", caller.pid);
  await storm.line();
  await storm.begin();
  await storm.line();
  await caller.begin();
  return JSON.parse(await caller.line());
}
