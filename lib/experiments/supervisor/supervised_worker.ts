/**
 * A worker's process, as the supervisor starts, examines, asks and stops it over the control
 * channel.
 *
 * If the supervisor dies, its workers die too: by PR_SET_PDEATHSIG, and by the end of the channel.
 *
 * @module
 */

import type { PacketRingGeometry } from "../../../ffi/packet/packet_ring.ts";
import { judgeConfinement, judgeFilter } from "../../confine/judge.ts";
import { launchBounding, launcherFor } from "../../confine/launcher.ts";
import { ALL_PROTECTIONS, type Protection } from "../../confine/protections.ts";
import { type Finding, judged } from "../../evidence/evidence.ts";
import { ExperimentError } from "../../evidence/errors.ts";
import type { Child } from "../../harness/child.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import { asText } from "../../harness/validate.ts";
import { SUPERVISED } from "./orders.ts";
import { threadCredentials } from "../../inspect/threads/threads.ts";
import type { Assignment, Examination, SeatWorker } from "./seat.ts";

/** How long the supervisor waits for a worker, in milliseconds. */
export interface Patience {
  /** Until the worker is ready. */
  readonly start: number;
  /** Until the worker answers a question for a sign of life. */
  readonly answer: number;
  /** Until the worker has stopped. */
  readonly stop: number;
}

const PATIENCE: Patience = { start: 5000, answer: 2000, stop: 2000 };

/** Options that all workers of a supervisor share. */
export interface WorkerOptions {
  readonly protections: readonly Protection[];
  /** The ring that workers receive from, or `null` for the socket queue. */
  readonly ring: PacketRingGeometry | null;
  /** The secret by which workers recognize the frames of the stimulus. */
  readonly nonce: Uint8Array;
  /** How long a worker works on each frame, in microseconds. */
  readonly work: number;
  readonly patience?: Patience;
}

/** A started worker. It begins its start procedure when {@linkcode ready} is called. */
export class SupervisedWorker implements SeatWorker {
  readonly #child: Child;
  readonly #assignment: Assignment;
  readonly #options: WorkerOptions;
  readonly #patience: Patience;

  /**
   * Starts the process.
   *
   * @throws {SystemError} If it cannot be started.
   */
  constructor(run: ParentRun, assignment: Assignment, options: WorkerOptions) {
    this.#assignment = assignment;
    this.#options = options;
    this.#patience = options.patience ?? PATIENCE;
    this.#child = run.start({
      launcher: launcherFor(assignment.identity, options.protections),
      isSilent: true,
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  get gone(): Promise<void> {
    return this.#child.gone;
  }

  async ready(): Promise<Examination> {
    const { identity, packetFd, progressFd, capacity } = this.#assignment;
    const { protections, ring, nonce, work } = this.#options;
    this.#child.order(SUPERVISED, {
      ...identity,
      protections,
      ring,
      capacity,
      nonce: nonce.toBase64(),
      work,
    }, [packetFd, progressFd]);
    const { cookie } = await this.#reached("ready", this.#patience.start);
    return this.#examine(asText(cookie, "cookie", 32));
  }

  begin(): void {
    this.#child.send({ type: "next" });
  }

  async answer(): Promise<void> {
    await this.#child.requireSilence();
    this.#child.send({ type: "next" });
    await this.#reached("alive", this.#patience.answer);
  }

  async stop(): Promise<void> {
    this.#child.send({ type: "enough" });
    await this.#reached("stopped", this.#patience.stop);
  }

  ended(): Promise<void> {
    return this.#child.ended();
  }

  kill(): void {
    this.#child.kill();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#child[Symbol.asyncDispose]();
  }

  /**
   * Looks at every thread, at the filter, and for other processes: the filter allows no new one.
   */
  #examine(cookie: string): Examination {
    const { identity, packetFd } = this.#assignment;
    const bounding = launchBounding(ALL_PROTECTIONS);
    const threads = judgeConfinement(threadCredentials(this.pid), identity, bounding);
    const filter = judgeFilter(this.#child.filters({ packetFd }, false));
    const processes = judgeProcesses(this.#child.others);
    if (this.#child.hasMessage) {
      throw new ExperimentError("The worker did not wait for its order to receive");
    }
    const failed = [threads, filter, processes].find(({ status }) => status === "fail");
    return {
      cookie,
      unconfined: failed?.observed,
      filterUnread: filter.status === "skip" ? filter.observed : undefined,
    };
  }

  async #reached(stage: string, patience: number): Promise<{ [name: string]: unknown }> {
    const detail = await this.#child.reachedWithin(patience, stage);
    if (detail === undefined) {
      throw new ExperimentError(`The worker was not "${stage}" within ${patience} ms`);
    }
    return detail;
  }
}

/**
 * Judges that a worker is a single process. Another one could hold the descriptors that the worker
 * had at its start, without a filter.
 */
function judgeProcesses(others: readonly number[]): Finding {
  return judged(
    others.length === 0,
    others.length === 0 ? "one process" : `processes beside it: ${others.length}`,
    { others },
  );
}
