/**
 * Runs failing calls in one process while another sends it a storm of signals, and counts the calls
 * whose errno a signal handler has overwritten.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { TextLineStream } from "@std/streams/text-line-stream";
import { ROOT } from "../../support/programs.ts";

/** The process under the storm: see `./programs/errno_storm.ts`. */
export interface StormOptions {
  readonly process: "listening" | "refused" | "plain" | "hardened";
  readonly isCured: boolean;
  /** How many calls a cured process makes. */
  readonly calls: number;
  /** How many successful calls it makes between a failing call and the reading of its errno. */
  readonly pause: number;
}

/** The result of a storm. */
export interface StormResult {
  /** How many calls were made. */
  readonly made: number;
  /** How many of them had a wrong errno, by its name. */
  readonly wrong: Readonly<Record<string, number>>;
}

/** One of the two processes of a storm. */
class StormProcess implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines;
  #hasEnded = false;

  constructor(...args: readonly string[]) {
    const program = `${ROOT}/tests/lib/harness/programs/errno_storm.ts`;
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", program, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "null", // the sender may find that the caller has ended
    }).spawn();
    this.#process.status.then(() => this.#hasEnded = true);
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  get pid(): string {
    return String(this.#process.pid);
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Waits for the next line of its output. */
  async line(): Promise<string> {
    const { value } = await this.#lines.read();
    if (value === undefined) throw new Error("The process ended without a line of output");
    return String(value);
  }

  /** Tells it to begin. Its standard input stays open. */
  async begin(): Promise<void> {
    const writer = this.#process.stdin.getWriter();
    await writer.write(Uint8Array.of(10));
    writer.releaseLock();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch { /* it has ended */ }
    await this.#process.stdin.close().catch(() => {}); // broken if it has ended
    await this.#lines.cancel();
    await this.#process.status;
  }
}

/**
 * Makes failing calls under a storm of signals.
 *
 * @throws {Error} If a process ends too early, or the storm does not last as long as the calls.
 */
export async function errnosInStorm(options: StormOptions): Promise<StormResult> {
  const { process, isCured, calls, pause } = options;
  await using caller = new StormProcess(
    ...["calls", process, isCured ? "cured" : "uncured", String(calls), String(pause)],
  );
  assertEquals(await caller.line(), "ready");
  await using sender = new StormProcess("signals", caller.pid);
  assertEquals(await sender.line(), "ready");
  await sender.begin();
  assertEquals(await sender.line(), "storming");
  await caller.begin();
  const result = JSON.parse(await caller.line());
  // The caller is still waiting, so the sender has no reason to end.
  if (sender.hasEnded) throw new Error("The storm ended before the calls");
  return result;
}
