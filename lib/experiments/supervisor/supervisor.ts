/**
 * The supervisor (D18): it decides which worker serves which socket, and which socket gets frames.
 *
 * It opens the sockets, passes each to a worker, and when a worker ends passes the same socket to
 * the next (seat.ts). The sockets are a fanout group (fanout_group.ts). A seat that is given up or
 * removed must not go on collecting its share: frames are routed to the other seats, and those that
 * wait in its socket stay there until a worker serves it again.
 *
 * @module
 */

import { pause } from "../../host/pause.ts";
import { ETH_P_ALL } from "../../../ffi/abi/constants.ts";
import { setUpPacketRing } from "../../../ffi/packet/packet_ring.ts";
import type { Identity } from "../../../ffi/process/credentials.ts";
import type { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { protectSocket } from "../../confine/socket_protections.ts";
import { CutShort, ExperimentError } from "../../evidence/errors.ts";
import { groupFilter } from "../../packets/filters.ts";
import type { LinkLayer } from "../../packets/link_layer.ts";
import { boundPacketSocket, enlargeReceiveBuffer } from "../../packets/socket.ts";
import { FanoutGroup, type FanoutMode } from "./fanout_group.ts";
import {
  type Assignment,
  type Seat,
  type SeatKeeper,
  type SeatWorker,
  TendedSeat,
} from "./seat.ts";
import { STEADY_GROUP } from "./stream.ts";
import type { WorkerOptions } from "./supervised_worker.ts";

/**
 * How many timeouts of a block to wait: it is retired within two, and a third is for the reader.
 */
const SETTLING_TIMEOUTS = 3;

/** How long to wait in addition, in milliseconds. */
const SETTLING_TIME = 50;

/** The time between two looks at a condition, in milliseconds. */
const CONDITION_INTERVAL = 2;

/** The run that a supervisor is part of. */
export interface SupervisorHost {
  /** Ends the run. Its reason is an `Error`. */
  readonly signal: AbortSignal;
  /** When the run must end, by `performance.now()`. */
  readonly deadline: number;
  /** Starts a worker process. */
  startWorker(assignment: Assignment, options: WorkerOptions): SeatWorker;
}

/** The options of a supervisor. */
export interface SupervisorOptions extends WorkerOptions {
  /** The interface to receive from. */
  readonly ifindex: number;
  /** The form of the frames on that interface. */
  readonly layer: LinkLayer;
  /** How frames are shared among the seats. */
  readonly mode: FanoutMode;
  /**
   * Whether a socket outlives its worker, which is the claim. In the control it is closed and
   * reopened, and there is no group.
   */
  readonly keepsSockets: boolean;
  /** How many frames the journal of each seat holds. */
  readonly capacity: number;
}

/** Supervises workers. Leaving the scope of an `await using` ends them. */
export class Supervisor implements AsyncDisposable {
  readonly #host: SupervisorHost;
  readonly #options: SupervisorOptions;
  readonly #keeper: SeatKeeper;
  /** `undefined` if sockets are not kept. */
  readonly #group: FanoutGroup | undefined;
  readonly #seats: TendedSeat[] = [];
  #failure: unknown;
  #isOver = false;

  /** @throws {SystemError} If the fanout group cannot be created. */
  constructor(host: SupervisorHost, options: SupervisorOptions) {
    this.#host = host;
    this.#options = options;
    const { keepsSockets, mode, ifindex } = options;
    this.#keeper = {
      signal: host.signal,
      keepsSockets,
      hasRing: options.ring !== null,
      isOver: () => this.#isOver,
      startWorker: (assignment) => host.startWorker(assignment, options),
      openSocket: () => this.#openSocket(),
      givenUp: () => this.#route(),
    };
    if (keepsSockets) this.#group = new FanoutGroup(mode, ifindex);
  }

  /** The seats, in the order of their numbers. */
  get seats(): readonly Seat[] {
    return this.#seats;
  }

  /**
   * Adds a seat with a worker, and waits until the worker serves; then the seat gets its share of
   * the frames. A seat that no worker comes to serve is given up, and gets none.
   *
   * @param identity The user that its workers become.
   * @throws {ExperimentError} If no seat is left that is served, or time runs out.
   * @throws {SystemError} If its socket cannot be opened.
   */
  async add(identity: Identity): Promise<Seat> {
    using undo = new DisposableStack();
    const socket = undo.use(this.#openSocket());
    const number = this.#group?.join(socket.fd) ?? this.#seats.length + 1;
    const seat = new TendedSeat(socket, number, identity, this.#options.capacity, this.#keeper);
    undo.move(); // the seat owns the socket
    this.#seats.push(seat);
    await this.#tend(seat);
    return seat;
  }

  /**
   * Removes a seat without losing a frame: its share goes to the others, its worker receives what
   * is left in the socket, and stops.
   *
   * @throws {ExperimentError} If no seat would be left, or time runs out.
   */
  async remove(seat: Seat): Promise<void> {
    const leaving = this.#find(seat);
    leaving.hasLeft = true;
    this.#route();
    await pause(this.#settlingTime());
    await this.until(() => leaving.state === "given up" || leaving.isEmpty);
    await leaving.stop();
  }

  /**
   * Replaces a worker as planned: its successor is ready before it stops.
   *
   * @returns How long no worker served the seat, in milliseconds.
   * @throws {ExperimentError} If the successor does not become ready; the predecessor then goes on.
   */
  async replace(seat: Seat): Promise<number> {
    const served = this.#find(seat);
    await served.prepareSuccessor();
    const gapsBefore = served.gaps.length;
    served.handOver();
    await this.until(() => served.gaps.length > gapsBefore);
    return served.gaps.at(-1)!;
  }

  /**
   * Serves a seat again that was given up.
   *
   * @throws {ExperimentError} As {@linkcode add}.
   */
  async revive(seat: Seat): Promise<void> {
    const revived = this.#find(seat);
    await revived.untended;
    await this.#tend(revived);
  }

  /** Kills the worker of a seat with SIGKILL, as an accident would. */
  kill(seat: Seat): void {
    this.#find(seat).kill();
  }

  /**
   * Waits until no more frames of the stimulus are received: every seat was removed, is given up,
   * or is served and has received what had arrived, and no frame was done for a while. Frames of
   * others may go on arriving.
   *
   * @throws {ExperimentError} If time runs out.
   */
  async settle(): Promise<void> {
    const total = () => this.#seats.reduce((sum, { progress }) => sum + progress.entries, 0);
    for (let before = -1;;) {
      const marks = new Map(this.#seats.map((seat) => [seat, seat.mark()]));
      const isSettled = (seat: TendedSeat) =>
        seat.hasLeft || seat.state === "given up" ||
        seat.state === "serving" && (seat.isEmpty || seat.isPast(marks.get(seat) ?? 0));
      await this.until(() => this.#seats.every(isSettled));
      if (before === total()) return;
      before = total();
      await pause(this.#settlingTime());
    }
  }

  /**
   * Asks every worker to stop, and waits until all have.
   *
   * @throws The error that ended the tending of a seat, if no worker caused it.
   */
  async stop(): Promise<void> {
    await Promise.all(this.#seats.map((seat) => seat.stop()));
    this.#rethrow();
  }

  /** Kills every worker and closes every socket. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    for (const seat of this.#seats) await seat.abandon();
    await Promise.all(this.#seats.map(({ untended }) => untended));
    this.#seats.forEach((seat) => seat[Symbol.dispose]());
    this.#group?.[Symbol.dispose]();
  }

  /**
   * Waits until a condition holds, or time runs out. So the wait ends even if a worker changes its
   * progress for ever.
   *
   * @param limit Asks every `patience` milliseconds whether there is a reason to end the wait.
   * @throws The error that ended the tending of a seat, or the run.
   * @throws {CutShort} If time runs out.
   */
  async until(
    condition: () => boolean,
    limit?: { readonly patience: number; readonly whyNot: () => Error | undefined },
  ): Promise<void> {
    const { signal, deadline } = this.#host;
    let askAt = performance.now() + (limit?.patience ?? Infinity);
    for (;;) {
      this.#rethrow();
      if (signal.aborted) throw signal.reason;
      if (condition()) return;
      if (performance.now() > deadline) {
        throw new CutShort("Time ran out", "allow more time with --timeout");
      }
      if (limit !== undefined && performance.now() > askAt) {
        const reason = limit.whyNot();
        if (reason !== undefined) throw reason;
        askAt = performance.now() + limit.patience;
      }
      await pause(CONDITION_INTERVAL);
    }
  }

  /** Tends a seat, waits until it is served or given up, and routes frames accordingly. */
  async #tend(seat: TendedSeat): Promise<void> {
    seat.tend((error) => this.#failure ??= error);
    await this.until(() => seat.state === "serving" || seat.state === "given up");
    this.#route();
  }

  #find(seat: Seat): TendedSeat {
    const found = this.#seats.find((each) => each === seat);
    if (found === undefined) throw new RangeError("The seat belongs to another supervisor");
    return found;
  }

  #openSocket(): OwnedFd {
    const { ifindex, layer, ring, protections } = this.#options;
    using undo = new DisposableStack();
    const socket = undo.use(boundPacketSocket(ifindex, ETH_P_ALL));
    if (ring === null) enlargeReceiveBuffer(socket.fd);
    else setUpPacketRing(socket.fd, ring);
    // No pin: a member of the fanout group cannot be bound to another interface anyway.
    const chosen = protections.filter((each) => each !== "fanout-pin");
    protectSocket(socket.fd, chosen, groupFilter(STEADY_GROUP, layer));
    undo.move();
    return socket;
  }

  /**
   * Routes frames to the seats that are neither given up nor removed.
   *
   * @throws {ExperimentError} If there is none.
   */
  #route(): void {
    const members = this.#seats.filter(({ state, hasLeft }) => state !== "given up" && !hasLeft)
      .map(({ number }) => number);
    if (members.length === 0) {
      const end = this.#seats.flatMap(({ ends }) => ends).at(-1);
      const reason = end?.reason ?? "all were removed";
      throw new ExperimentError(`No worker is left to receive: ${reason}`, { cause: end?.error });
    }
    this.#group?.route(members);
  }

  /** Returns how long it takes until frames that were routed can be read, in milliseconds. */
  #settlingTime(): number {
    return SETTLING_TIMEOUTS * (this.#options.ring?.retireTimeout ?? 0) + SETTLING_TIME;
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
