/**
 * Makes runs side by side, in lanes that have namespaces of their own.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import { ROOT } from "../../support/programs.ts";
import type { Job, RunRecord } from "./injection.ts";

/** Lanes for each processor, for runs that wait part of their time. */
const FEW = 1.5;
/** The same for runs that wait most of their time. */
const MANY = 3;

interface Waiting {
  readonly job: Job;
  readonly resolve: (record: RunRecord) => void;
  readonly reject: (error: unknown) => void;
}

/** The lanes. They start with the first job, and end when no job is left. */
export class Lanes {
  readonly #waiting: Waiting[] = [];
  readonly #most: number;
  #running = 0;

  /** @param areWaiting Whether the runs wait most of their time. */
  constructor(areWaiting: boolean) {
    this.#most = Math.floor((areWaiting ? MANY : FEW) * navigator.hardwareConcurrency);
  }

  /** Queues a job. Returns its record. */
  run(job: Job): Promise<RunRecord> {
    const { promise, resolve, reject } = Promise.withResolvers<RunRecord>();
    this.#waiting.push({ job, resolve, reject });
    this.#open();
    promise.catch(() => {}); // it is awaited when its turn comes
    return promise;
  }

  /** Starts a lane if there is a job for it, and again when one ends. */
  #open(): void {
    if (this.#running === this.#most || this.#waiting.length === 0) return;
    this.#running++;
    this.#lane().finally(() => {
      this.#running--;
      this.#open();
    });
  }

  async #lane(): Promise<void> {
    await using lane = new Lane();
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        next.resolve(await lane.run(next.job));
      } catch (error) {
        next.reject(error);
        return; // another lane takes the remaining jobs
      }
    }
  }
}

class Lane implements AsyncDisposable {
  readonly #process = new Deno.Command(`${ROOT}/scripts/netns.sh`, {
    args: [Deno.execPath(), "run", "-A", "tests/wrong_answers/strace/lane.ts"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  readonly #jobs = this.#process.stdin.getWriter();
  readonly #records = this.#process.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream()).getReader();

  async run(job: Job): Promise<RunRecord> {
    await this.#jobs.write(new TextEncoder().encode(`${JSON.stringify(job)}\n`));
    const { value, done } = await this.#records.read();
    if (done) throw new Error("A lane ended in the middle of a run");
    return JSON.parse(value as string);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#jobs.close().catch(() => {});
    await this.#process.status;
  }
}
