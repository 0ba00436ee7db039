/**
 * A seat: a packet socket, the memory of its progress, and the worker that serves it.
 *
 * Theory of operation. The seat outlives its workers. Frames wait in the socket while no worker
 * serves it, and the next worker goes on with the very next frame.
 *
 *     vacant ──start──▶ starting ──ready──▶ serving ──end──▶ vacant, as often as the policy allows
 *                                                     └────▶ given up, after failures in a row
 *
 * A worker may be compromised or simply broken. It must be confined before it receives, must answer
 * when it is asked for a sign of life, and may send nothing else. A worker that does not start,
 * hangs, does not read, floods the channel, breaks the protocol or closes the channel is killed and
 * then replaced like any other. Each seat is tended by an asynchronous loop of its own, so one
 * seat's worker cannot delay another seat.
 *
 * @module
 */

import { POLLIN } from "../../../ffi/abi/constants.ts";
import { SystemError } from "../../../ffi/abi/errno.ts";
import type { Identity } from "../../../ffi/process/credentials.ts";
import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { poll } from "../../../ffi/socket/poll.ts";
import { DescriptorError } from "../../../ffi/socket/scm_rights.ts";
import { ExperimentError } from "../../evidence/errors.ts";
import {
  describePacketSocket,
  type PacketStatistics,
  takeStatistics,
} from "../../packets/socket.ts";
import { createProgress, Progress } from "./progress.ts";
import { RestartPolicy } from "./restart_policy.ts";

/** The time between two questions for a sign of life, in milliseconds. */
const ASK_INTERVAL = 250;

/** A worker process, as its seat sees it. Disposing of it kills it and waits for its end. */
export interface SeatWorker extends AsyncDisposable {
  readonly pid: number;
  /** Resolves when the process has ended, however it ended. */
  readonly gone: Promise<void>;
  /**
   * Waits until the worker is ready to receive, and examines it.
   *
   * @throws {ExperimentError} If it is not ready in time, ends, or breaks the protocol.
   */
  ready(): Promise<Examination>;
  /** Lets the worker receive. */
  begin(): void;
  /**
   * Asks the worker for a sign of life, and waits for the answer.
   *
   * @throws {ExperimentError} If it does not answer in time, or sent something without being asked.
   */
  answer(): Promise<void>;
  /**
   * Asks the worker to stop, and waits until it has received the remaining frames and stopped.
   *
   * @throws {ExperimentError} If it does not stop in time.
   */
  stop(): Promise<void>;
  /**
   * Waits for an orderly end.
   *
   * @throws {ExperimentError} If it ends in any other way.
   */
  ended(): Promise<void>;
  /** Kills the process, if it still runs. */
  kill(): void;
}

/** The supervisor's findings about a worker that is ready. */
export interface Examination {
  /** `SO_COOKIE` of the socket that the worker has, as the worker reports it. */
  readonly cookie: string;
  /** Why the worker is not confined; `undefined` if it is. */
  readonly unconfined: string | undefined;
  /** Why the worker's filter of system calls could not be read; `undefined` if it could. */
  readonly filterUnread: string | undefined;
}

/** The user that a seat's next worker becomes, and the descriptors that it receives. */
export interface Assignment {
  readonly identity: Identity;
  readonly packetFd: number;
  /** The descriptor of the memory for the progress. */
  readonly progressFd: number;
  /** How many frames the journal of the progress holds. */
  readonly capacity: number;
}

/** The part of a supervisor that its seats use. */
export interface SeatKeeper {
  /** Ends the run. */
  readonly signal: AbortSignal;
  /** Whether a socket outlives its worker; otherwise it is closed and reopened. */
  readonly keepsSockets: boolean;
  /** Whether workers receive from a ring, which keeps the frames that are not done. */
  readonly hasRing: boolean;
  /** Whether the supervisor ends, so that no worker is started any more. */
  isOver(): boolean;
  /** Starts a worker process. */
  startWorker(assignment: Assignment): SeatWorker;
  /** Opens a socket like the seat's. */
  openSocket(): OwnedFd;
  /** Called when the seat is given up: its share goes to the others. */
  givenUp(): void;
}

/** How a worker ended. */
export interface WorkerEnd {
  /** When, by `performance.now()`. */
  readonly at: number;
  readonly reason: string;
  /** The error by which it ended; `undefined` if it was asked to. */
  readonly error?: Error | undefined;
}

/** A seat, for those who only look at it. */
export interface Seat {
  /** Its number in the fanout group. */
  readonly number: number;
  readonly identity: Identity;
  readonly progress: Progress;
  /** Whether a worker serves it. */
  readonly state: "vacant" | "starting" | "serving" | "given up";
  /** Whether it was removed: no frame is routed to it any more. */
  readonly hasLeft: boolean;
  /** The worker's process id; `undefined` if there is no worker. */
  readonly pid: number | undefined;
  /** How many workers have begun to serve. */
  readonly starts: number;
  /** How many frames its present worker has done. */
  readonly doneByWorker: number;
  readonly ends: readonly WorkerEnd[];
  /** How long no worker served it, each time, in milliseconds. */
  readonly gaps: readonly number[];
  /** The numbers of frames that workers held when they were killed. */
  readonly lostInHand: readonly number[];
  /** `SO_COOKIE` of the socket, as the supervisor and each of the workers saw it. */
  readonly cookies: ReadonlySet<string>;
  /** Whether every worker was confined when it was ready. */
  readonly isConfined: boolean;
  /** Why a worker's filter of system calls could not be read; `undefined` if each could. */
  readonly filterUnread: string | undefined;
  /** Returns what the kernel has counted on its socket so far. */
  statistics(): PacketStatistics;
  /** Returns how many frames the kernel has put into its socket that no worker has done. */
  backlog(): number;
}

/** A seat that its supervisor tends. Disposing of it closes the socket and frees the memory. */
export class TendedSeat implements Seat, Disposable {
  state: Seat["state"] = "vacant";
  hasLeft = false;
  starts = 0;
  readonly ends: WorkerEnd[] = [];
  readonly gaps: number[] = [];
  readonly lostInHand: number[] = [];
  readonly cookies = new Set<string>();
  isConfined = true;
  filterUnread: string | undefined;
  readonly progress: Progress;
  readonly #progressFd: OwnedFd;
  readonly #keeper: SeatKeeper;
  #worker: SeatWorker | undefined;
  /** A worker that is ready and takes over when the present one has stopped. */
  #successor: SeatWorker | undefined;
  #policy = new RestartPolicy();
  #doneBefore = 0;
  #isToStop = false;
  #vacantSince = performance.now();
  #tending: Promise<void> = Promise.resolve();
  /** Cuts the present sleep of the loop short. */
  #wake: () => void = () => {};
  #packets = 0;
  #drops = 0;
  /** Frames that were lost with a socket that was closed. */
  #gone = 0;

  /**
   * @param socket The packet socket, from now on the seat's.
   * @param capacity How many frames the journal of its progress holds.
   * @throws {SystemError} If there is no memory for the progress.
   */
  constructor(
    public socket: OwnedFd,
    readonly number: number,
    readonly identity: Identity,
    capacity: number,
    keeper: SeatKeeper,
  ) {
    this.#keeper = keeper;
    this.#progressFd = new OwnedFd(createProgress(capacity));
    this.progress = new Progress(this.#progressFd.fd, capacity);
  }

  get pid(): number | undefined {
    return this.#worker?.pid;
  }

  get doneByWorker(): number {
    return this.progress.count - this.#doneBefore;
  }

  /** Whether nothing waits in the socket, or in a block of its ring that the kernel has retired. */
  get isEmpty(): boolean {
    return poll([this.socket.fd], POLLIN, 0)[0] === 0;
  }

  statistics(): PacketStatistics {
    const { packets, drops } = takeStatistics(this.socket.fd);
    return { packets: this.#packets += packets, drops: this.#drops += drops };
  }

  backlog(): number {
    return this.mark() - this.progress.count;
  }

  /** Returns how many frames the kernel has put into the socket so far. */
  mark(): number {
    const { packets, drops } = this.statistics();
    return packets - drops - this.#gone;
  }

  /**
   * Whether the frames up to a mark are done. Without a ring, each worker that ended may have taken
   * a frame with it. A worker that claims more than there were is not believed.
   */
  isPast(mark: number): boolean {
    const { count } = this.progress;
    const taken = this.#keeper.hasRing ? 0 : this.ends.length;
    return count + taken >= mark && count <= this.mark();
  }

  /**
   * Starts to tend the seat, with no failure counted: one worker after another serves it.
   *
   * @param failed Called with an error that no worker can have caused.
   */
  tend(failed: (error: unknown) => void): void {
    this.state = "vacant";
    this.#policy = new RestartPolicy();
    this.#tending = this.#serveUntilOver().catch(failed);
  }

  /**
   * Resolves when the seat is no longer tended: it was stopped, was given up, or the run is over.
   */
  get untended(): Promise<void> {
    return this.#tending;
  }

  /** Asks the worker to stop, starts no other, and resolves when the seat is no longer tended. */
  async stop(): Promise<void> {
    this.#isToStop = true;
    this.#wake();
    await this.#tending;
  }

  /**
   * Starts a successor while the present worker serves.
   *
   * @throws {ExperimentError} If the successor does not become ready; the present worker goes on.
   */
  async prepareSuccessor(): Promise<void> {
    this.#successor = await this.#start();
  }

  /** Asks the present worker to stop; then the prepared successor serves. */
  handOver(): void {
    this.#isToStop = true;
    this.#wake();
  }

  /** Kills the worker, if there is one. */
  kill(): void {
    this.#worker?.kill();
  }

  /** Kills every worker of the seat, once the keeper is over. */
  async abandon(): Promise<void> {
    this.#wake();
    this.kill();
    await this.#successor?.[Symbol.asyncDispose]();
  }

  [Symbol.dispose](): void {
    this.progress[Symbol.dispose]();
    this.#progressFd.close();
    this.socket.close();
  }

  /** Lets one worker after another serve, until the seat is stopped or given up, or all is over. */
  async #serveUntilOver(): Promise<void> {
    while (!this.#keeper.isOver() && !this.#keeper.signal.aborted) {
      this.#doneBefore = this.progress.count;
      const error = await this.#serve();
      const reason = error?.message ?? "asked to stop";
      this.#worker = undefined;
      const lost = this.progress.takeLost();
      if (lost !== undefined) this.lostInHand.push(lost);
      this.state = "vacant";
      if (this.#isToStop) {
        if (this.#successor !== undefined) continue; // a handover
        this.#isToStop = false;
        return;
      }
      this.ends.push({ at: this.#vacantSince, reason, error });
      const delay = this.#policy.afterEnd(this.doneByWorker > 0);
      if (delay === undefined) {
        this.state = "given up";
        this.#keeper.givenUp();
        return;
      }
      if (!this.#keeper.keepsSockets) this.#reopen();
      if (delay > 0) await this.#sleep(delay);
    }
  }

  /**
   * Lets one worker serve until it ends or misbehaves. Returns the error by which it ended;
   * `undefined` if it was asked to stop, or the supervisor ended.
   */
  async #serve(): Promise<Error | undefined> {
    try {
      this.state = "starting";
      await using worker = this.#takeSuccessor() ?? await this.#start();
      this.#worker = worker;
      if (this.#keeper.isOver()) return undefined;
      worker.begin();
      if (this.starts > 0) this.gaps.push(performance.now() - this.#vacantSince);
      this.state = "serving";
      this.starts++;
      await this.#askUntilStop(worker);
      await worker.stop();
      this.#vacantSince = performance.now();
      await worker.ended();
      return undefined;
    } catch (error) {
      this.#vacantSince = performance.now();
      if (canBeWorkersFault(error)) return error;
      throw error;
    }
  }

  /** Asks for a sign of life again and again, and at once when the process ends. */
  async #askUntilStop(worker: SeatWorker): Promise<void> {
    let isGone = false;
    worker.gone.then(() => {
      isGone = true;
      this.#wake();
    });
    while (!this.#isToStop && !this.#keeper.isOver()) {
      if (!isGone) await this.#sleep(ASK_INTERVAL);
      if (this.#isToStop) return;
      await worker.answer();
    }
  }

  /** Returns the prepared successor, if there is one. The order to stop was its predecessor's. */
  #takeSuccessor(): SeatWorker | undefined {
    const successor = this.#successor;
    if (successor === undefined) return undefined;
    this.#successor = undefined;
    this.#isToStop = false;
    return successor;
  }

  /**
   * Starts a worker, and waits until it is ready and confined. It then awaits its order to receive.
   *
   * @throws {ExperimentError} If it does not become ready, or is not confined. It is then killed.
   */
  async #start(): Promise<SeatWorker> {
    const worker = this.#keeper.startWorker({
      identity: this.identity,
      packetFd: this.socket.fd,
      progressFd: this.#progressFd.fd,
      capacity: this.progress.capacity,
    });
    try {
      this.#worker ??= worker;
      this.#admit(await worker.ready());
      return worker;
    } catch (error) {
      await worker[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Refuses a worker that is not confined, or has a socket other than this seat's. */
  #admit({ cookie, unconfined, filterUnread }: Examination): void {
    const expected = describePacketSocket(this.socket.fd).cookie;
    this.cookies.add(expected);
    this.cookies.add(cookie);
    if (filterUnread !== undefined) this.filterUnread = filterUnread;
    if (unconfined !== undefined) {
      this.isConfined = false;
      throw new ExperimentError(`The worker is not confined: ${unconfined}`);
    }
    if (cookie !== expected) {
      throw new ExperimentError(`The worker has socket ${cookie}, not ${expected}`);
    }
  }

  /** Closes the socket with all frames in it, and opens another. */
  #reopen(): void {
    this.#gone += this.backlog();
    this.socket.close();
    this.socket = this.#keeper.openSocket();
    this.progress.enter(0); // a new ring numbers its blocks from the start
  }

  /** Sleeps for a number of milliseconds, or until something wakes the loop. */
  #sleep(time: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, time);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Whether a worker's behaviour, or its death, can be the cause of an error. */
function canBeWorkersFault(error: unknown): error is Error {
  return error instanceof ExperimentError || error instanceof SystemError ||
    error instanceof DescriptorError;
}
