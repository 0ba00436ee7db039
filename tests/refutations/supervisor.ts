/**
 * Ways in which `supervisor` can really go wrong.
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
import { boundPacketSocket } from "../../lib/packets/socket.ts";
import { ParentRun } from "../../lib/harness/parent_run.ts";
import { createProgress, Progress } from "../../lib/experiments/supervisor/progress.ts";
import { launcherFor, type Protection, protectSocket } from "../../lib/confine/protections.ts";
import { RecvfromSource } from "../../lib/receive/recvfrom.ts";
import { RestartPolicy } from "../../lib/experiments/supervisor/restart_policy.ts";
import { work } from "../../lib/experiments/supervisor/worker.ts";
import {
  type Seat,
  Supervisor,
  type SupervisorOptions,
} from "../../lib/experiments/supervisor/supervisor.ts";
import type { Fault, Faults } from "./refutation.ts";

/** A fault, by the overrides of the supervisor's program that are replaced, and what is done to either process before its program begins. */
interface Replacement extends Omit<Fault, "experiment"> {
  readonly overrides?: Partial<typeof parentOverrides>;
  readonly inSupervisor?: () => void;
  readonly inWorker?: (run: ChildRun) => void;
}

const KILLS = 6, RATE = 1000;

/** So long that a kill most probably comes in the middle of a block, in microseconds. */
const LONG_WORK = 1500;

/** What a seat is, to one who must not know. */
interface InnerSeat {
  socket: OwnedFd;
  readonly tending: Promise<void>;
  isToStop: boolean;
  hasLeft: boolean;
  wake(): void;
}

const inner = (seat: Seat) => seat as unknown as InnerSeat;
const pause = (time: number) => new Promise<void>((resolve) => setTimeout(resolve, time));

type Arguments = ConstructorParameters<typeof Supervisor>;

/** Which supervisor is made: that of the experiment, by rings that are kept, or that of a control. */
const isMain = ({ ring, keepsSockets }: SupervisorOptions) => ring !== null && keepsSockets;

/** Has the supervisor of the experiment, and not of the controls, be another. */
const instead = (make: (...args: Arguments) => Supervisor): Partial<typeof parentOverrides> => ({
  makeSupervisor: (...args) => isMain(args[1]) ? make(...args) : new Supervisor(...args),
});

/** A supervisor that does something when it has killed for the third time. */
abstract class AtThirdKill extends Supervisor {
  #kills = 0;

  override kill(seat: Seat): void {
    super.kill(seat);
    if (++this.#kills === 3) this.deed(seat);
  }

  protected abstract deed(seat: Seat): void;
}

/** One that forgets the last two protections, once. */
class ForgettingSupervisor extends AtThirdKill {
  readonly #protections: Protection[];

  constructor(run: ParentRun, options: SupervisorOptions, protections: readonly Protection[]) {
    const own = [...protections];
    super(run, options, own);
    this.#protections = own;
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

/** One that hands the successor another socket, once. */
class ExchangingSupervisor extends AtThirdKill {
  readonly #args: Arguments;

  constructor(...args: Arguments) {
    super(...args);
    this.#args = args;
  }

  protected override deed(seat: Seat): void {
    const [{ setting }, { ring }, protections] = this.#args;
    const another = boundPacketSocket(setting.link.ifindex, ETH_P_ALL);
    setUpPacketRing(another.fd, ring!);
    protectSocket(another.fd, protections.filter((each) => each !== "fanout-pin"));
    inner(seat).socket = another; // the one before stays open, as a member of the group
  }
}

/** How many frames the journal of a hasty successor holds, by which it is known. */
const HASTY = 5000;

/** One whose successor does not wait for the predecessor's end: for a while two workers do the same frames. */
class HastySupervisor extends Supervisor {
  readonly #args: Arguments;
  /** What hasty successors have done. */
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
    const [run, { ring, nonce }, protections] = this.#args;
    const { identity, progress } = seat;
    const { socket } = inner(seat);
    using memory = new OwnedFd(createProgress(HASTY));
    using own = new Progress(memory.fd, HASTY);
    await using successor = run.start({
      launcher: launcherFor(identity, protections),
      isSilent: true,
    });
    const orders = { ...identity, protections, ring, nonce: nonce.toBase64(), work: 0 };
    successor.order(SUPERVISED, { capacity: HASTY, ...orders }, [socket.fd, memory.fd]);
    await successor.reached("ready");
    own.enter(progress.sequence);
    successor.send({ type: "next" });
    await pause(200);
    successor.send({ type: "enough" });
    await successor.reached("stopped");
    HastySupervisor.journals.push(own.journal.slice());
  }
}

/** Has a hasty successor leave the blocks to its predecessor, which would otherwise wait for them until the ring is full. */
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

/** One that lets a worker go while its share is still dealt out to it. */
class CarelessSupervisor extends Supervisor {
  override async remove(seat: Seat): Promise<void> {
    const leaving = inner(seat);
    leaving.isToStop = true;
    leaving.wake();
    await leaving.tending;
    leaving.hasLeft = true;
  }
}

/** One that has a revived worker begin with what comes, and not with what waits. */
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

const REPLACEMENTS: { readonly [name: string]: Replacement } = {
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
      makeSupervisor: (run, options) =>
        new Supervisor(run, options, ["no-capabilities", "closed-descriptors"]),
    },
  },
  "another-socket": {
    what: "a successor gets another socket than its predecessor had",
    refutes: ["SUPER-01", "SUPER-02"],
    overrides: instead((...args) => new ExchangingSupervisor(...args)),
  },
  "opened-anew": {
    what: "the supervisor closes and opens sockets, and says that it keeps them",
    refutes: ["SUPER-01", "SUPER-02", "SUPER-06"],
    overrides: instead((run, options, protections) =>
      new Supervisor(run, { ...options, keepsSockets: false }, protections)
    ),
  },
  "no-progress": {
    what: "a successor begins the block of its predecessor anew",
    refutes: ["SUPER-02"],
    overrides: { work: LONG_WORK },
    inWorker: () => Object.defineProperty(Progress.prototype, "doneInBlock", { get: () => 0 }),
  },
  "one-too-many": {
    what: "a successor leaves out the frame that its predecessor had in hand",
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
    what: "a journal has one frame in the place of another",
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
    what: "a worker goes while its share is still dealt out to it",
    refutes: ["SUPER-05"],
    overrides: instead((...args) => new CarelessSupervisor(...args)),
  },
  "swallowed-share": {
    what: "the share of a worker that was given up is dealt out to nobody else",
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
    what: "a worker is started again for ever",
    refutes: ["SUPER-06"],
    endsEarly: true,
    timeout: 15,
    inSupervisor: () => RestartPolicy.prototype.afterEnd = () => 0,
  },
  "swallowing-recvfrom": {
    what: "a worker that receives by recvfrom loses more than it has in hand",
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
    what: "the sockets of the control are kept",
    refutes: ["SUPER-08"],
    alone: true,
    overrides: {
      makeSupervisor: (run, options, protections) =>
        new Supervisor(run, { ...options, keepsSockets: true }, protections),
    },
  },
  "forgotten-rest": {
    what: "who is served again begins with what comes, and not with what waits",
    refutes: ["SUPER-09"],
    overrides: instead((...args) => new ForgetfulSupervisor(...args)),
  },
};

/** The same run with fewer kills: each costs a start. */
function shorter({ context, options, record }: ParentRun<Supervision>): ParentRun<Supervision> {
  return new ParentRun({ ...context, options: { ...options, kills: KILLS, rate: RATE } }, record);
}

/** Every fault of `supervisor`, by name. */
export const SUPERVISOR_FAULTS: Faults = Object.fromEntries(
  Object.entries(REPLACEMENTS).map(([name, replacement]) => {
    const { overrides, inSupervisor, inWorker, ...fault } = replacement;
    return [`${supervisor.name}/${name}`, {
      timeout: 110,
      ...fault,
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
