/**
 * The supervisor (D18): it keeps the sockets, hands each to a worker, notices when one ends, and hands the same socket to the next.
 *
 * Theory of operation. A seat is a socket of the fanout group, the memory of its progress, and the worker that serves it, if one does. The seat
 * outlives its workers. What the kernel queues while nobody serves waits in the socket; the successor goes on with the very next frame.
 *
 *     vacant ──start──▶ starting ──ready──▶ serving ──ends──▶ vacant, for as long as the policy says
 *                                                      └────▶ given up, after some failures in a row
 *
 * A worker is what may be compromised, or simply broken. It must answer in time when it is asked whether it is there, and may say nothing else: one that
 * does not start, hangs, does not read, floods the channel, talks nonsense or closes it is killed, and so ended like any other. Each seat is
 * tended by itself, so that the others do not notice.
 *
 * A seat that is given up must not swallow its share for ever: frames are dealt out to the others (fanout_group.ts), and what waits in
 * its socket stays there until somebody serves it again.
 *
 * If the supervisor dies, the workers do too: by PR_SET_PDEATHSIG, and by the end of the control channel.
 *
 * @module
 */

import { ETH_P_ALL, POLLIN } from "../../../ffi/abi/constants.ts";
import { SystemError } from "../../../ffi/abi/errno.ts";
import { type PacketRingGeometry, setUpPacketRing } from "../../../ffi/packet/packet_ring.ts";
import type { Identity } from "../../../ffi/process/credentials.ts";
import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { poll } from "../../../ffi/socket/poll.ts";
import { DescriptorError } from "../../../ffi/socket/scm_rights.ts";
import { type Finding, judged } from "../../evidence/evidence.ts";
import { FanoutGroup, type FanoutMode } from "./fanout_group.ts";
import { asText } from "../../harness/validate.ts";
import { SUPERVISED } from "./orders.ts";
import { ExperimentError } from "../../evidence/errors.ts";
import {
  boundPacketSocket,
  describePacketSocket,
  enlargeReceiveBuffer,
  type PacketStatistics,
  takeStatistics,
} from "../../packets/socket.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import { threadCredentials } from "../../inspect/threads.ts";
import { judgeConfinement } from "../../confine/judge.ts";
import { createProgress, Progress } from "./progress.ts";
import { launcherFor, type Protection, protectSocket } from "../../confine/protections.ts";
import { RestartPolicy } from "./restart_policy.ts";
import type { Child } from "../../harness/child.ts";
import { judgeFilter, seeFilters } from "../../confine/filter.ts";

/** How long a supervisor waits for a worker, in milliseconds. */
export interface Patience {
  /** Until it is ready. */
  readonly start: number;
  /** Until it says that it is there, when it is asked. */
  readonly answer: number;
  /** Until it has stopped, when it is asked to. */
  readonly stop: number;
}

const PATIENCE: Patience = { start: 5000, answer: 2000, stop: 2000 };

/** How often a worker is asked whether it is there, in milliseconds. */
const ASK_INTERVAL = 250;

/** What a supervisor supervises. */
export interface SupervisorOptions {
  /** What the workers receive by: a ring of that geometry, or `null` for the socket queue. */
  readonly ring: PacketRingGeometry | null;
  readonly mode: FanoutMode;
  /** Whether a socket outlives its worker: the claim; if not, it is closed and opened anew (the control), and there is no group. */
  readonly keepsSockets: boolean;
  /** How many frames each journal holds. */
  readonly capacity: number;
  readonly nonce: Uint8Array;
  /** How long a worker works on each frame, in microseconds. */
  readonly work: number;
  /** If not the usual. */
  readonly patience?: Patience;
}

/** How a worker ended. */
export interface WorkerEnd {
  /** Milliseconds of `performance.now()`. */
  readonly at: number;
  readonly reason: string;
}

/** A place at the supervisor's table. */
export interface Seat {
  /** Its number in the fanout group. */
  readonly number: number;
  readonly identity: Identity;
  readonly progress: Progress;
  /** What is known of its worker. */
  readonly state: "vacant" | "starting" | "serving" | "given up";
  /** Whether it has been let go: no frame is dealt out to it any more. */
  readonly hasLeft: boolean;
  /** The worker's process id; `undefined` if there is none. */
  readonly pid: number | undefined;
  /** How many workers have been ready. */
  readonly starts: number;
  /** How many frames its worker has done. */
  readonly doneByWorker: number;
  readonly ends: readonly WorkerEnd[];
  /** How long nobody served it, each time, in milliseconds. */
  readonly gaps: readonly number[];
  /** Frames that a worker had in hand when it was killed, by number. */
  readonly lostInHand: readonly number[];
  /** `SO_COOKIE` of the socket, as the supervisor and each of the workers saw it. */
  readonly cookies: ReadonlySet<string>;
  /** Whether every thread of every worker was confined when it was ready. */
  readonly isConfined: boolean;
  /** Why the filter of system calls of a worker could not be read; `undefined` if each could. */
  readonly filterUnread: string | undefined;
  /** What the kernel has counted on its socket so far. */
  statistics(): PacketStatistics;
  /** How many frames the kernel has put into its socket that nobody has done. */
  backlog(): number;
}

class OccupiedSeat implements Seat, Disposable {
  state: Seat["state"] = "vacant";
  hasLeft = false;
  worker: Child | undefined;
  starts = 0;
  doneBefore = 0;
  readonly ends: WorkerEnd[] = [];
  readonly gaps: number[] = [];
  readonly lostInHand: number[] = [];
  readonly cookies = new Set<string>();
  isConfined = true;
  filterUnread: string | undefined;
  policy = new RestartPolicy();
  readonly progress: Progress;
  readonly progressFd: OwnedFd;
  /** Ends the waiting between two questions. */
  wake: () => void = () => {};
  isToStop = false;
  vacantSince = performance.now();
  tending: Promise<void> = Promise.resolve();
  /** Called instead of start for the next worker: a successor that is ready. */
  successor: Child | undefined;
  #packets = 0;
  #drops = 0;
  /** Frames that are gone with a socket that was closed. */
  #gone = 0;

  constructor(
    public socket: OwnedFd,
    readonly number: number,
    readonly identity: Identity,
    readonly capacity: number,
  ) {
    this.progressFd = new OwnedFd(createProgress(capacity));
    this.progress = new Progress(this.progressFd.fd, capacity);
  }

  get pid(): number | undefined {
    return this.worker?.pid;
  }

  get doneByWorker(): number {
    return this.progress.count - this.doneBefore;
  }

  statistics(): PacketStatistics {
    const { packets, drops } = takeStatistics(this.socket.fd);
    return { packets: this.#packets += packets, drops: this.#drops += drops };
  }

  backlog(): number {
    const { packets, drops } = this.statistics();
    return packets - drops - this.progress.count - this.#gone;
  }

  /** Closes the socket, with all that is in it, and takes another. */
  exchange(open: () => OwnedFd): void {
    this.#gone += this.backlog();
    this.socket.close();
    this.socket = open();
    this.progress.enter(0); // another ring, which begins anew
  }

  [Symbol.dispose](): void {
    this.progress[Symbol.dispose]();
    this.progressFd.close();
    this.socket.close();
  }
}

/** Supervises workers. Leaving the scope of an `await using` ends them. */
export class Supervisor implements AsyncDisposable {
  readonly #run: ParentRun;
  readonly #options: SupervisorOptions;
  /** `undefined` if sockets are not kept. */
  readonly #group: FanoutGroup | undefined;
  readonly #seats: OccupiedSeat[] = [];
  readonly #protections: readonly Protection[];
  #failure: unknown;
  #isOver = false;

  /** @param protections What hardens the workers. */
  constructor(
    run: ParentRun,
    options: SupervisorOptions,
    protections: readonly Protection[],
  ) {
    this.#run = run;
    this.#options = options;
    this.#protections = protections;
    if (!options.keepsSockets) return;
    this.#group = new FanoutGroup(options.mode, run.setting.link.ifindex);
  }

  /** The seats, in the order of their numbers. */
  get seats(): readonly Seat[] {
    return this.#seats;
  }

  /**
   * Sets a place, with a worker, and waits until it serves; then it gets its share. One whose workers do not come to serve is given up, and gets none.
   *
   * @param identity Whom the worker becomes.
   * @throws {ExperimentError} If no place is served then, or time runs out.
   */
  async add(identity: Identity): Promise<Seat> {
    const socket = this.#openSocket();
    const number = this.#group?.join(socket.fd) ?? this.#seats.length + 1;
    const seat = new OccupiedSeat(socket, number, identity, this.#options.capacity);
    this.#seats.push(seat);
    this.#tend(seat);
    await this.until(() => seat.state === "serving" || seat.state === "given up");
    this.#route();
    return seat;
  }

  /** Lets a seat go: its share goes to the others, its worker takes what is there, and stops. */
  async remove(seat: Seat): Promise<void> {
    const leaving = this.#find(seat);
    leaving.hasLeft = true;
    this.#route();
    await milliseconds(this.#settlingTime());
    await this.until(() => leaving.state === "given up" || isEmpty(leaving));
    leaving.isToStop = true;
    leaving.wake();
    await leaving.tending;
  }

  /**
   * A planned handover: the successor is ready before the predecessor goes.
   *
   * @returns How long nobody served, in milliseconds.
   * @throws {ExperimentError} If the successor does not come to be ready; the predecessor then stays.
   */
  async replace(seat: Seat): Promise<number> {
    const handed = this.#find(seat);
    handed.successor = await this.#start(handed);
    handed.isToStop = true;
    const gapsBefore = handed.gaps.length;
    handed.wake();
    await this.until(() => handed.gaps.length > gapsBefore);
    return handed.gaps.at(-1)!;
  }

  /** Serves a seat again that was given up. */
  async revive(seat: Seat): Promise<void> {
    const revived = this.#find(seat);
    await revived.tending;
    revived.state = "vacant";
    revived.policy = new RestartPolicy();
    this.#tend(revived);
    await this.until(() => revived.state === "serving" || revived.state === "given up");
    this.#route();
  }

  /** Kills the worker of a seat, as if it had died. */
  kill(seat: Seat): void {
    this.#find(seat).worker?.kill();
  }

  /**
   * Waits until nothing changes any more: every seat is given up, or served and empty, and nothing has been done for a while.
   */
  async settle(): Promise<void> {
    const total = () => this.#seats.reduce((sum, { progress }) => sum + progress.count, 0);
    const isSettled = (seat: OccupiedSeat) =>
      seat.hasLeft || seat.state === "given up" || seat.state === "serving" && isEmpty(seat);
    for (let before = -1;;) {
      await this.until(() => this.#seats.every(isSettled));
      if (before === total()) return;
      before = total();
      await milliseconds(this.#settlingTime());
    }
  }

  /** Asks every worker to stop, and waits until they have. */
  async stop(): Promise<void> {
    for (const seat of this.#seats) {
      seat.isToStop = true;
      seat.wake();
    }
    await Promise.all(this.#seats.map(({ tending }) => tending));
    this.#rethrow();
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    for (const seat of this.#seats) {
      seat.wake();
      seat.worker?.kill();
      await seat.successor?.[Symbol.asyncDispose]();
    }
    await Promise.all(this.#seats.map(({ tending }) => tending));
    this.#seats.forEach((seat) => seat[Symbol.dispose]());
    this.#group?.[Symbol.dispose]();
  }

  #find(seat: Seat): OccupiedSeat {
    const found = this.#seats.find((each) => each === seat);
    if (found === undefined) throw new RangeError("No seat of this supervisor's");
    return found;
  }

  #openSocket(): OwnedFd {
    const { link } = this.#run.setting;
    const socket = boundPacketSocket(link.ifindex, ETH_P_ALL);
    const { ring } = this.#options;
    if (ring === null) enlargeReceiveBuffer(socket.fd);
    else setUpPacketRing(socket.fd, ring);
    // A member of the group cannot be bound elsewhere: that is the pin.
    protectSocket(socket.fd, this.#protections.filter((each) => each !== "fanout-pin"));
    return socket;
  }

  /** Deals frames out to the seats that are not given up, and have not left. */
  #route(): void {
    const members = this.#seats.filter(({ state, hasLeft }) => state !== "given up" && !hasLeft)
      .map(({ number }) => number);
    if (members.length === 0) {
      const reason = this.#seats.flatMap(({ ends }) => ends).at(-1)?.reason ?? "all have left";
      throw new ExperimentError(`No worker is left to receive: ${reason}`);
    }
    this.#group?.route(members);
  }

  #tend(seat: OccupiedSeat): void {
    seat.tending = this.#serveAgainAndAgain(seat).catch((error) => {
      this.#failure ??= error;
    });
  }

  async #serveAgainAndAgain(seat: OccupiedSeat): Promise<void> {
    while (!this.#isOver && !this.#run.context.signal.aborted) {
      seat.doneBefore = seat.progress.count;
      const reason = await this.#serve(seat);
      seat.worker = undefined;
      const lost = seat.progress.takeLost();
      if (lost !== undefined) seat.lostInHand.push(lost);
      seat.state = "vacant";
      if (seat.isToStop) {
        if (seat.successor !== undefined) continue; // a handover
        seat.isToStop = false;
        return;
      }
      seat.ends.push({ at: seat.vacantSince, reason });
      const delay = seat.policy.afterEnd(seat.doneByWorker > 0);
      if (delay === undefined) {
        seat.state = "given up";
        this.#route();
        return;
      }
      if (!this.#options.keepsSockets) seat.exchange(() => this.#openSocket());
      if (delay > 0) await this.#sleep(seat, delay);
    }
  }

  /** Has one worker serve until it ends, or does what it may not. Returns why. */
  async #serve(seat: OccupiedSeat): Promise<string> {
    try {
      seat.state = "starting";
      await using worker = seat.successor ?? await this.#start(seat);
      if (worker === seat.successor) {
        seat.successor = undefined;
        seat.isToStop = false; // it was the predecessor's
      }
      seat.worker = worker;
      if (this.#isOver) return "over";
      worker.send({ type: "next" });
      if (seat.starts > 0) seat.gaps.push(performance.now() - seat.vacantSince);
      seat.state = "serving";
      seat.starts++;
      let isGone = false;
      worker.gone.then(() => {
        isGone = true;
        seat.wake();
      });
      while (!seat.isToStop && !this.#isOver) {
        if (!isGone) await this.#sleep(seat, ASK_INTERVAL);
        if (seat.isToStop) break;
        await worker.requireSilence();
        worker.send({ type: "next" });
        await this.#hear(worker, this.#patience.answer, "alive");
      }
      worker.send({ type: "enough" });
      await this.#hear(worker, this.#patience.stop, "stopped");
      seat.vacantSince = performance.now();
      await worker.ended();
      return "asked to stop";
    } catch (error) {
      seat.vacantSince = performance.now();
      if (isOfTheWorld(error)) return error.message;
      throw error;
    }
  }

  /** Starts a worker, which is ready when this returns, and waits for the word to go. */
  async #start(seat: OccupiedSeat): Promise<Child> {
    const { identity, socket, progressFd, progress } = seat;
    const { ring, nonce, work } = this.#options;
    const worker = this.#run.start({
      launcher: launcherFor(identity, this.#protections),
      isSilent: true,
    });
    try {
      const { capacity } = progress;
      worker.order(SUPERVISED, {
        ...identity,
        protections: this.#protections,
        ring,
        capacity,
        nonce: nonce.toBase64(),
        work,
      }, [socket.fd, progressFd.fd]);
      seat.worker ??= worker;
      const { cookie } = await this.#hear(worker, this.#patience.start, "ready");
      this.#examine(seat, worker, asText(cookie, "cookie", 32));
      return worker;
    } catch (error) {
      await worker[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Refuses a worker that is not confined, or has another socket. */
  #examine(seat: OccupiedSeat, worker: Child, cookie: string): void {
    const { identity, socket: { fd } } = seat;
    const threads = judgeConfinement(threadCredentials(worker.pid), identity);
    const filter = judgeFilter(seeFilters(worker, { packetFd: fd }, false));
    const processes = judgeProcesses(worker.others); // under that filter it starts no more
    if (worker.hasMessage) throw new ExperimentError("The worker did not wait for the word to go");
    const expected = describePacketSocket(fd).cookie;
    seat.cookies.add(expected);
    seat.cookies.add(cookie);
    if (filter.status === "skip") seat.filterUnread = filter.observed;
    const loose = [threads, filter, processes].find(({ status }) => status === "fail");
    if (loose !== undefined) {
      seat.isConfined = false;
      throw new ExperimentError(`The worker is not confined: ${loose.observed}`);
    }
    if (cookie !== expected) {
      throw new ExperimentError(`The worker has socket ${cookie}, and not ${expected}`);
    }
  }

  get #patience(): Patience {
    return this.#options.patience ?? PATIENCE;
  }

  async #hear(worker: Child, patience: number, stage: string) {
    const detail = await worker.reachedWithin(patience, stage);
    if (detail === undefined) {
      throw new ExperimentError(`The worker was not "${stage}" within ${patience} ms`);
    }
    return detail;
  }

  /** Waits, unless somebody wakes the seat's tender. */
  #sleep(seat: OccupiedSeat, time: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, time);
      seat.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** How long it takes until what was dealt out is handed over, in milliseconds. */
  #settlingTime(): number {
    return SETTLING_BLOCKS * (this.#options.ring?.retireTimeout ?? 0) + SETTLING_TIME;
  }

  /**
   * Waits until something is so. Whoever waits again and again, for what a worker writes, comes to an end here too.
   *
   * @throws What has ended a seat's tending, or the run; {@linkcode ExperimentError} if time runs out.
   */
  async until(condition: () => boolean): Promise<void> {
    const { signal, deadline } = this.#run.context;
    for (;;) {
      this.#rethrow();
      if (signal.aborted) throw signal.reason;
      if (condition()) return;
      if (Date.now() > deadline) throw new ExperimentError("Time ran out");
      await milliseconds(CONDITION_INTERVAL);
    }
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** Whether what a worker does, or what becomes of it, can be behind an error. */
function isOfTheWorld(error: unknown): error is Error {
  return error instanceof ExperimentError || error instanceof SystemError ||
    error instanceof DescriptorError;
}

/** Whether a worker is one process: another holds what it held when it was started, under no filter. */
function judgeProcesses(others: readonly number[]): Finding {
  return judged(
    others.length === 0,
    others.length === 0 ? "one process" : `processes beside it: ${others.length}`,
    { others },
  );
}

/** Whether nothing waits in the socket, or in a block of its ring that was handed over. */
function isEmpty({ socket }: OccupiedSeat): boolean {
  return poll([socket.fd], POLLIN, 0)[0] === 0;
}

/** A block is handed over within two times its timeout; a third is for the reader. */
const SETTLING_BLOCKS = 3;
const SETTLING_TIME = 50;

/** How often a condition is looked at, in milliseconds. */
const CONDITION_INTERVAL = 2;

const milliseconds = (time: number) => new Promise<void>((resolve) => setTimeout(resolve, time));
