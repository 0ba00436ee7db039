/**
 * Runs side by side, each lane in namespaces of its own.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import { ROOT } from "../../support/programs.ts";
import type { Job, RunRecord } from "./injection.ts";

/** How many there are, for each processor, for runs that wait a part of their time. */
const FEW = 1.5;
/** The same for those that wait most of theirs. */
const MANY = 3;

interface Waiting {
  readonly job: Job;
  readonly resolve: (record: RunRecord) => void;
  readonly reject: (error: unknown) => void;
}

/** The lanes; they start with the first job, and end when there is none left. */
export class Lanes {
  readonly #waiting: Waiting[] = [];
  readonly #most: number;
  #running = 0;

  /** @param areWaiting Whether what runs there waits most of its time. */
  constructor(areWaiting: boolean) {
    this.#most = Math.floor((areWaiting ? MANY : FEW) * navigator.hardwareConcurrency);
  }

  /** Has a job done, after those that were given before. */
  run(job: Job): Promise<RunRecord> {
    const { promise, resolve, reject } = Promise.withResolvers<RunRecord>();
    this.#waiting.push({ job, resolve, reject });
    this.#open();
    promise.catch(() => {}); // it is looked at when its turn comes
    return promise;
  }

  /** Starts a lane, if there is work for one more; when one has ended, there may be again. */
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
        return; // another lane takes what is left
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
