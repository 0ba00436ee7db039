/**
 * Workers that follow a test's script, for a supervisor without a run.
 *
 * The supervisor, its sockets on the loopback interface and the memory of the progress are real.
 *
 * @module
 */

import { if_nametoindex } from "../../../../ffi/mod.ts";
import { ExperimentError } from "../../../../lib/evidence/errors.ts";
import { Progress } from "../../../../lib/experiments/supervisor/progress.ts";
import type {
  Assignment,
  Examination,
  SeatWorker,
} from "../../../../lib/experiments/supervisor/seat.ts";
import {
  Supervisor,
  type SupervisorOptions,
} from "../../../../lib/experiments/supervisor/supervisor.ts";
import { describePacketSocket } from "../../../../lib/packets/socket.ts";

/** The steps that a worker takes instead of the usual ones. Each may throw, or never end. */
export interface Script {
  readonly ready?: (worker: ScriptedWorker) => Promise<void> | void;
  readonly begin?: (worker: ScriptedWorker) => void;
  readonly answer?: (worker: ScriptedWorker) => Promise<void> | void;
  readonly stop?: (worker: ScriptedWorker) => Promise<void> | void;
  readonly examination?: Partial<Examination>;
}

/** A step that never ends by itself. */
export const forever = (): Promise<void> => new Promise(() => {});

/** A step that throws. */
export const failing = (message: string) => (): void => {
  throw new ExperimentError(message);
};

/** A worker without a process. It dies when it is killed, or when its script says so. */
export class ScriptedWorker implements SeatWorker {
  /** The steps that its seat has asked for, in order. */
  readonly calls: string[] = [];
  /** When it was started, by `performance.now()`. */
  readonly startedAt = performance.now();
  readonly #death = Promise.withResolvers<void>();
  isDead = false;

  constructor(
    readonly pid: number,
    readonly assignment: Assignment,
    readonly script: Script,
    readonly log: string[],
  ) {}

  get gone(): Promise<void> {
    return this.#death.promise;
  }

  async ready(): Promise<Examination> {
    await this.#step("ready");
    const { cookie } = describePacketSocket(this.assignment.packetFd);
    return { cookie, unconfined: undefined, filterUnread: undefined, ...this.script.examination };
  }

  begin(): void {
    this.#note("begin");
    this.script.begin?.(this);
  }

  answer(): Promise<void> {
    return this.#step("answer");
  }

  stop(): Promise<void> {
    return this.#step("stop");
  }

  ended(): Promise<void> {
    this.#note("ended");
    this.kill();
    return Promise.resolve();
  }

  kill(): void {
    this.isDead = true;
    this.#death.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#note("disposed");
    this.kill();
    return Promise.resolve();
  }

  /** Notes frames as done, as a worker does that receives. */
  do(...frames: number[]): void {
    const { progressFd, capacity } = this.assignment;
    using progress = new Progress(progressFd, capacity);
    frames.forEach((frame) => progress.done(frame));
  }

  /** Notes a frame as held. */
  hold(frame: number): void {
    const { progressFd, capacity } = this.assignment;
    using progress = new Progress(progressFd, capacity);
    progress.take(frame);
  }

  #note(step: string): void {
    this.calls.push(step);
    this.log.push(`${this.pid} ${step}`);
  }

  /** Takes a step of the script, which fails when the worker dies. */
  async #step(step: "ready" | "answer" | "stop"): Promise<void> {
    this.#note(step);
    const death = this.gone.then(() => {
      throw new ExperimentError("The child ended early");
    });
    death.catch(() => {});
    await Promise.race([death, this.isDead ? forever() : this.script[step]?.(this)]);
  }
}

/** Options of a supervisor on the loopback interface, whose frames go to any seat. */
export const loopbackOptions = (): SupervisorOptions => ({
  ifindex: if_nametoindex("lo"),
  layer: "ethernet",
  mode: "lb",
  protections: [],
  ring: null,
  keepsSockets: true,
  capacity: 1000,
  nonce: new Uint8Array(16),
  work: 0,
});

/** A supervisor on the loopback interface, with the workers that it has started so far. */
export class ScriptedSupervisor extends Supervisor {
  readonly workers: ScriptedWorker[];
  /** The steps of all workers in order, each after its worker's number: 1, 2, … */
  readonly log: string[];
  readonly run: AbortController;

  /**
   * @param scriptOf The script of each worker, by its number.
   * @param time How long the run may take, in milliseconds.
   */
  constructor(
    scriptOf: (number: number) => Script = () => ({}),
    options: Partial<SupervisorOptions> = {},
    time = 20_000,
  ) {
    const workers: ScriptedWorker[] = [];
    const log: string[] = [];
    const run = new AbortController();
    const host = {
      signal: run.signal,
      deadline: performance.now() + time,
      startWorker(assignment: Assignment) {
        const pid = workers.length + 1;
        const worker = new ScriptedWorker(pid, assignment, scriptOf(pid), log);
        workers.push(worker);
        return worker;
      },
    };
    super(host, { ...loopbackOptions(), ...options });
    this.workers = workers;
    this.log = log;
    this.run = run;
  }
}
