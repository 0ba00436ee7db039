/**
 * Real defects of `supervisor`, and the checks that must fail because of each.
 *
 * @module
 */

import {
  ETH_P_ALL,
  OwnedFd,
  PacketRing,
  type PacketRingGeometry,
  setUpPacketRing,
} from "../../ffi/mod.ts";
import type { ChildRun } from "../../lib/harness/child_run.ts";
import {
  parent,
  parentOverrides,
  supervisor,
} from "../../lib/experiments/supervisor/experiment.ts";
import { FanoutGroup } from "../../lib/experiments/supervisor/fanout_group.ts";
import type { Supervision } from "../../lib/experiments/supervisor/options.ts";
import { SUPERVISED, type SupervisedOrders } from "../../lib/experiments/supervisor/orders.ts";
import { multicastFilter } from "../../lib/packets/filters.ts";
import { boundPacketSocket } from "../../lib/packets/socket.ts";
import { ParentRun } from "../../lib/harness/parent_run.ts";
import { createProgress, Progress } from "../../lib/experiments/supervisor/progress.ts";
import type { Protection } from "../../lib/confine/protections.ts";
import { protectSocket } from "../../lib/confine/socket_protections.ts";
import { RecvfromSource } from "../../lib/receive/recvfrom.ts";
import { RestartPolicy } from "../../lib/experiments/supervisor/restart_policy.ts";
import { work } from "../../lib/experiments/supervisor/worker.ts";
import type { Seat, TendedSeat } from "../../lib/experiments/supervisor/seat.ts";
import {
  Supervisor,
  type SupervisorHost,
  type SupervisorOptions,
} from "../../lib/experiments/supervisor/supervisor.ts";
import type { Refutation, Refutations } from "./refutation.ts";
import { pause } from "../support/pause.ts";

/**
 * A defect: the overrides of the supervisor's program, and what is changed in either process before
 * its program begins.
 */
interface Defect extends Omit<Refutation, "experiment"> {
  readonly overrides?: Partial<typeof parentOverrides>;
  readonly inSupervisor?: () => void;
  readonly inWorker?: (run: ChildRun) => void;
}

const KILLS = 6, RATE = 1000;

/** In microseconds: long enough that a kill most probably comes in the middle of a block. */
const LONG_WORK = 1500;

/** The seat, with what its supervisor alone may change. */
const inner = (seat: Seat) => seat as TendedSeat;
type Arguments = ConstructorParameters<typeof Supervisor>;

/** Whether this is the experiment's own supervisor, which keeps its rings, or that of a control. */
const isMain = ({ ring, keepsSockets }: SupervisorOptions) => ring !== null && keepsSockets;

/** Replaces the supervisor of the experiment, and leaves those of the controls alone. */
const instead = (make: (...args: Arguments) => Supervisor): Partial<typeof parentOverrides> => ({
  makeSupervisor: (...args) => isMain(args[1]) ? make(...args) : new Supervisor(...args),
});

/** A supervisor that does something at its third kill. */
abstract class AtThirdKill extends Supervisor {
  #kills = 0;

  override kill(seat: Seat): void {
    super.kill(seat);
    if (++this.#kills === 3) this.deed(seat);
  }

  protected abstract deed(seat: Seat): void;
}

/** Forgets the last two protections, once. */
class ForgettingSupervisor extends AtThirdKill {
  readonly #protections: Protection[];

  constructor(host: SupervisorHost, options: SupervisorOptions) {
    const protections = [...options.protections];
    super(host, { ...options, protections });
    this.#protections = protections;
  }

  protected override deed(seat: Seat): void {
    const forgotten = this.#protections.splice(this.#protections.indexOf("no-new-privs"), 2);
    const timer = setInterval(() => {
      if (seat.isConfined) return;
      this.#protections.push(...forgotten);
      clearInterval(timer);
    }, 1);
  }
}

/** Gives the successor another socket, once. */
class ExchangingSupervisor extends AtThirdKill {
  readonly #options: SupervisorOptions;

  constructor(...args: Arguments) {
    super(...args);
    [, this.#options] = args;
  }

  protected override deed(seat: Seat): void {
    const { ifindex, layer, ring, protections } = this.#options;
    const another = boundPacketSocket(ifindex, ETH_P_ALL);
    setUpPacketRing(another.fd, ring!);
    const chosen = protections.filter((each) => each !== "fanout-pin");
    protectSocket(another.fd, chosen, multicastFilter(layer));
    inner(seat).socket = another; // the old one stays open, as a member of the group
  }
}

/** How many frames the journal of a hasty successor holds, which identifies it. */
const HASTY = 5000;

/**
 * Starts the successor before the predecessor has ended: for a while two workers handle the same
 * frames.
 */
class HastySupervisor extends Supervisor {
  readonly #args: Arguments;
  /** The journals of hasty successors. */
  static readonly journals: Uint32Array[] = [];

  constructor(...args: Arguments) {
    super(...args);
    this.#args = args;
  }

  override async replace(seat: Seat): Promise<number> {
    for (let attempt = 0; attempt < 10 && !HastySupervisor.journals.some((each) => each.length);) {
      await this.#both(seat);
      attempt++;
    }
    return await super.replace(seat);
  }

  async #both(seat: Seat): Promise<void> {
    const [host, options] = this.#args;
    const { identity, progress } = seat;
    const packetFd = inner(seat).socket.fd;
    using memory = new OwnedFd(createProgress(HASTY));
    using own = new Progress(memory.fd, HASTY);
    const assignment = { identity, packetFd, progressFd: memory.fd, capacity: HASTY };
    await using successor = host.startWorker(assignment, { ...options, work: 0 });
    await successor.ready();
    own.enter(progress.sequence);
    successor.begin();
    await pause(200);
    await successor.stop();
    HastySupervisor.journals.push(own.journal.slice());
  }
}

/**
 * Has a hasty successor leave the blocks to its predecessor, which would otherwise wait for them
 * until the ring is full.
 */
function leaveBlocks(run: ChildRun): void {
  const honest = run.receive.bind(run);
  run.receive = (expected, descriptors) => {
    const delivery = honest(expected, descriptors);
    const isHasty = expected === SUPERVISED &&
      (delivery.message as SupervisedOrders).capacity === HASTY;
    if (!isHasty) return delivery;
    const { store } = Atomics;
    const isRing = (words: Uint32Array) => words.length > HASTY;
    const leaving = (words: Uint32Array, index: number, value: number) =>
      isRing(words) ? value : store(words, index, value);
    Object.assign(Atomics, { store: leaving });
    return delivery;
  };
}

/** Removes a worker while it still gets its share of the frames. */
class CarelessSupervisor extends Supervisor {
  override async remove(seat: Seat): Promise<void> {
    const leaving = inner(seat);
    await leaving.stop();
    leaving.hasLeft = true;
  }
}

/** Has a revived worker begin with new frames, and not with those that wait. */
class ForgetfulSupervisor extends Supervisor {
  override async revive(seat: Seat): Promise<void> {
    const { progress } = seat;
    {
      using ring = new PacketRing(inner(seat).socket.fd, parentOverrides.ring);
      ring.resume(progress.sequence, progress.doneInBlock);
      while (ring.next()) progress.enter(ring.sequence);
    }
    await super.revive(seat);
  }
}

const TOO_SMALL: PacketRingGeometry = { blockSize: 1 << 14, blockCount: 4, retireTimeout: 8 };

const DEFECTS: { readonly [name: string]: Defect } = {
  "one-unprotected": {
    what: "one worker is started without no_new_privs and its system call filter",
    refutes: ["SUPER-01"],
    alone: true,
    overrides: instead((...args) => new ForgettingSupervisor(...args)),
  },
  "none-protected": {
    what: "no worker is hardened after its drop",
    refutes: ["SUPER-01"],
    endsEarly: true,
    overrides: {
      makeSupervisor: (host, options) =>
        new Supervisor(host, {
          ...options,
          protections: ["no-capabilities", "closed-descriptors"],
        }),
    },
  },
  "another-socket": {
    what: "a successor gets another socket than its predecessor had",
    refutes: ["SUPER-01", "SUPER-02"],
    overrides: instead((...args) => new ExchangingSupervisor(...args)),
  },
  "opened-anew": {
    what: "the supervisor closes and reopens sockets, and claims to keep them",
    refutes: ["SUPER-01", "SUPER-02", "SUPER-06"],
    overrides: instead((host, options) =>
      new Supervisor(host, { ...options, keepsSockets: false })
    ),
  },
  "no-progress": {
    what: "a successor starts the block of its predecessor from the beginning",
    refutes: ["SUPER-02"],
    overrides: { work: LONG_WORK },
    inWorker: () => Object.defineProperty(Progress.prototype, "doneInBlock", { get: () => 0 }),
  },
  "one-too-many": {
    what: "a successor skips the frame that its predecessor was handling",
    refutes: ["SUPER-02"],
    overrides: { work: LONG_WORK },
    inWorker() {
      const { resume } = PacketRing.prototype;
      PacketRing.prototype.resume = function (sequence, done) {
        return resume.call(this, sequence, done > 0 ? done + 1 : done);
      };
    },
  },
  "small-ring": {
    what: "the ring is too small for the gap",
    refutes: ["SUPER-02", "SUPER-03"],
    overrides: { ring: TOO_SMALL },
  },
  "forged-journal": {
    what: "a journal holds one frame in place of another",
    refutes: ["SUPER-02"],
    overrides: {
      journals(seats) {
        const journals = parentOverrides.journals(seats);
        const [first] = journals;
        first[50] = first[51];
        return journals;
      },
    },
  },
  "hasty-handover": {
    what: "the successor reads before the predecessor has stopped",
    refutes: ["SUPER-04"],
    inWorker: leaveBlocks,
    overrides: {
      work: LONG_WORK,
      journals: (all) => [...parentOverrides.journals(all), ...HastySupervisor.journals],
      ...instead((...args) => new HastySupervisor(...args)),
    },
  },
  "careless-removal": {
    what: "a worker is removed while it still gets its share of the frames",
    refutes: ["SUPER-05"],
    overrides: instead((...args) => new CarelessSupervisor(...args)),
  },
  "swallowed-share": {
    what: "the share of an abandoned worker goes to no other worker",
    refutes: ["SUPER-06"],
    alone: true,
    inSupervisor() {
      const { route } = FanoutGroup.prototype;
      FanoutGroup.prototype.route = function (members) {
        if (members.includes(1)) route.call(this, members);
      };
    },
  },
  "never-given-up": {
    what: "a worker is restarted for ever",
    refutes: ["SUPER-06"],
    inSupervisor: () => RestartPolicy.prototype.afterEnd = () => 0,
  },
  "swallowing-recvfrom": {
    what: "a worker that receives by recvfrom loses more than the frame in hand",
    refutes: ["SUPER-07"],
    alone: true,
    inWorker() {
      let frames = 0;
      const { next } = RecvfromSource.prototype;
      RecvfromSource.prototype.next = function () {
        if (++frames % 50 === 0) next.call(this);
        return next.call(this);
      };
    },
  },
  "kept-after-all": {
    what: "the control keeps its sockets",
    refutes: ["SUPER-08"],
    alone: true,
    overrides: {
      makeSupervisor: (host, options) => new Supervisor(host, { ...options, keepsSockets: true }),
    },
  },
  "forgotten-rest": {
    what: "a revived worker begins with new frames, and not with those that wait",
    refutes: ["SUPER-09"],
    overrides: instead((...args) => new ForgetfulSupervisor(...args)),
  },
};

/** The same run with fewer kills, because each costs a start. */
function shorter({ context, options, record }: ParentRun<Supervision>): ParentRun<Supervision> {
  return new ParentRun({ ...context, options: { ...options, kills: KILLS, rate: RATE } }, record);
}

/** Every refutation of `supervisor`, by name. */
export const SUPERVISOR_REFUTATIONS: Refutations = Object.fromEntries(
  Object.entries(DEFECTS).map(([name, defect]) => {
    const { overrides, inSupervisor, inWorker, ...refutation } = defect;
    return [`${supervisor.name}/${name}`, {
      timeout: 110,
      ...refutation,
      experiment: {
        ...supervisor,
        parent(run: ParentRun<Supervision>) {
          inSupervisor?.();
          return parent(shorter(run), { ...parentOverrides, ...overrides });
        },
        child(run: ChildRun) {
          inWorker?.(run);
          return work(run);
        },
      },
    }];
  }),
);
