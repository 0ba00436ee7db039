/**
 * A worker that is a real process, which does nothing but sleep until it is killed.
 *
 * @module
 */

import { ExperimentError } from "../../../../lib/evidence/errors.ts";
import type {
  Assignment,
  Examination,
  SeatWorker,
} from "../../../../lib/experiments/supervisor/seat.ts";
import { describePacketSocket } from "../../../../lib/packets/socket.ts";

/** A started process. */
export class SleepingProcess implements SeatWorker {
  readonly #assignment: Assignment;
  readonly #process = new Deno.Command("sleep", { args: ["60"], stdin: "null" }).spawn();
  hasEnded = false;
  readonly gone: Promise<void> = this.#process.status.then(() => void (this.hasEnded = true));

  constructor(assignment: Assignment) {
    this.#assignment = assignment;
  }

  get pid(): number {
    return this.#process.pid;
  }

  ready(): Promise<Examination> {
    const { cookie } = describePacketSocket(this.#assignment.packetFd);
    return Promise.resolve({ cookie, unconfined: undefined, filterUnread: undefined });
  }

  begin(): void {}

  answer(): Promise<void> {
    if (this.hasEnded) return Promise.reject(new ExperimentError("The process has ended"));
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.kill();
    return this.gone;
  }

  ended(): Promise<void> {
    return this.gone;
  }

  kill(): void {
    if (!this.hasEnded) this.#process.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.gone;
  }
}
