/**
 * Ways in which `receive-paths` can really go wrong.
 *
 * @module
 */

import { setsockopt, SO_RCVBUF, SOL_SOCKET } from "../../ffi/mod.ts";
import type { ChildRun } from "../../lib/harness/child_run.ts";
import type { CheckId } from "../../lib/evidence/checks.ts";
import {
  child,
  childOverrides,
  receivePaths,
} from "../../lib/experiments/receive_paths/experiment.ts";
import type { ReceiverOrders } from "../../lib/experiments/receive_paths/orders.ts";
import type { FrameSource } from "../../lib/receive/mod.ts";
import {
  AlteredSource,
  dropOnOneThread,
  type Fault,
  type Faults,
  ignoreEverything,
  LYING_WORKERS,
  onStage,
  sleep,
  trustMe,
} from "./refutation.ts";

/** A fault, by the overrides of the child's program that are replaced, and what the child makes of its own words. */
interface Replacement extends Omit<Fault, "experiment"> {
  readonly child?: Partial<typeof childOverrides>;
  readonly words?: (run: ChildRun) => void;
}

/** Which frame it is that suffers. */
const THAT_ONE = 500;

/** One that knows at which frame it is, from 1 on. */
class CountingSource extends AlteredSource {
  protected count = 0;

  override next(): boolean {
    if (!super.next()) return false;
    this.count++;
    return true;
  }
}

class SkippingSource extends CountingSource {
  override next(): boolean {
    return super.next() && (this.count !== THAT_ONE || super.next());
  }
}

class DoublingSource extends CountingSource {
  #isAgain = false;

  override next(): boolean {
    this.#isAgain = !this.#isAgain && this.count === THAT_ONE;
    return this.#isAgain || super.next();
  }
}

/** One whose frames are its own copies. */
class CopyingSource extends CountingSource {
  protected copy = new Uint8Array(0);

  override next(): boolean {
    if (!super.next()) return false;
    this.copy = super.bytes.slice(super.offset, super.offset + super.captured);
    return true;
  }

  override get bytes(): Uint8Array<ArrayBuffer> {
    return this.copy;
  }

  override get offset(): number {
    return 0;
  }

  override get captured(): number {
    return this.copy.length;
  }
}

class FlippingSource extends CopyingSource {
  override next(): boolean {
    if (!super.next()) return false;
    if (this.count === THAT_ONE) this.copy[this.copy.length - 1] ^= 1;
    return true;
  }
}

class CuttingSource extends CopyingSource {
  override next(): boolean {
    if (!super.next()) return false;
    if (this.count === THAT_ONE) this.copy = this.copy.slice(0, -1);
    return true;
  }
}

/** The frame after that one comes before it. */
class SwappingSource extends CopyingSource {
  #held: Uint8Array<ArrayBuffer> | undefined;

  override next(): boolean {
    if (this.#held !== undefined && this.count > THAT_ONE) {
      this.copy = this.#held;
      this.#held = undefined;
      return true;
    }
    if (!super.next()) return false;
    if (this.count !== THAT_ONE) return true;
    this.#held = this.copy;
    return super.next();
  }
}

/** One that sleeps while the first frames come. */
class SleepingSource extends AlteredSource {
  #isAsleep = false;
  #isDone = false;

  override next(): boolean {
    if (this.#isAsleep && !this.#isDone) {
      sleep(300);
      this.#isDone = true;
    }
    const isThere = super.next();
    this.#isAsleep ||= !isThere; // all that was queued before is taken; what comes now counts
    return isThere;
  }
}

type Way = (orders: ReceiverOrders, packetFd: number) => boolean;
const everyWay: Way = () => true;
const by = (receive: string, ringSetUp = false): Way => (orders) =>
  orders.receive === receive && orders.isRingSetUp === ringSetUp;

/** Has the sources of some ways be altered. */
const altering = (
  Altered: new (source: FrameSource) => FrameSource,
  ...ways: Way[]
): Partial<typeof childOverrides> => ({
  openSource(orders, packetFd) {
    const source = childOverrides.openSource(orders, packetFd);
    return ways.some((way) => way(orders, packetFd)) ? new Altered(source) : source;
  },
});

const EVERY_CHECK = [...receivePaths.plan];

/** The ways whose room is the receive buffer of the socket. */
const BY_BUFFER: readonly (readonly [receive: string, check: CheckId])[] = [
  ["recvmsg", "PATH-01"],
  ["recvfrom", "PATH-02"],
  ["recvmmsg", "PATH-03"],
];

const REPLACEMENTS: { readonly [name: string]: Replacement } = {
  "doubled": {
    what: "a frame comes twice",
    refutes: EVERY_CHECK,
    child: altering(DoublingSource, everyWay),
  },
  "swapped": {
    what: "two frames come in the wrong order",
    refutes: EVERY_CHECK,
    child: altering(SwappingSource, everyWay),
  },
  "skipped": {
    what: "a frame is left out",
    refutes: ["PATH-01", "PATH-04", "PATH-06"],
    alone: true,
    child: altering(SkippingSource, by("recvmsg"), by("tpacket-v3"), by("io-uring")),
  },
  "flipped": {
    what: "a bit of a frame is another",
    refutes: ["PATH-02", "PATH-05"],
    alone: true,
    child: altering(FlippingSource, by("recvfrom"), by("tpacket-v3", true)),
  },
  "cut": {
    what: "the last byte of a frame is missing",
    refutes: ["PATH-03", "PATH-07"],
    alone: true,
    child: altering(CuttingSource, by("recvmmsg"), by("io-uring-multishot")),
  },
  "no-drop": {
    what: "the child stays root",
    refutes: EVERY_CHECK,
    child: { becomeWorker: () => {} },
  },
  "raw-setresuid": {
    what: "the uid is dropped by the system call, on one thread only",
    refutes: EVERY_CHECK,
    child: { becomeWorker: dropOnOneThread },
  },
  "dropped-by-the-kernel": {
    what: "the child sleeps while frames come, with hardly a receive buffer",
    refutes: BY_BUFFER.map(([, check]) => check),
    alone: true,
    child: {
      openSource(orders, packetFd) {
        const source = childOverrides.openSource(orders, packetFd);
        if (!BY_BUFFER.some(([receive]) => receive === orders.receive)) return source;
        setsockopt(packetFd, SOL_SOCKET, SO_RCVBUF, 1); // the kernel makes it the least that there is
        return new SleepingSource(source);
      },
    },
  },
  "deaf-socket": {
    what: "a filter keeps every frame from the passed socket",
    refutes: ["PATH-01", "PATH-05", "PATH-07"],
    alone: true,
    child: {
      openSource(orders, packetFd) {
        const isDeaf = [by("recvmsg"), by("tpacket-v3", true), by("io-uring-multishot")]
          .some((way) => way(orders, packetFd));
        if (isDeaf) ignoreEverything(packetFd);
        return childOverrides.openSource(orders, packetFd);
      },
    },
  },
  "lying-child": {
    what: "the child stays root and makes digests up",
    refutes: EVERY_CHECK,
    child: { becomeWorker: () => {} },
    words(run) {
      trustMe(run);
      onStage(run, "received", ({ digests }) => ({
        digests: (digests as string[]).map(() => crypto.randomUUID()),
      }));
    },
  },
  ...LYING_WORKERS,
};

/** Every fault of `receive-paths`, by name. */
export const RECEIVE_PATHS_FAULTS: Faults = Object.fromEntries(
  Object.entries(REPLACEMENTS).map(([name, { child: overrides, words, ...fault }]) => [
    `${receivePaths.name}/${name}`,
    {
      timeout: 60,
      ...fault,
      experiment: {
        ...receivePaths,
        child: (run: ChildRun) => {
          words?.(run);
          return child(run, { ...childOverrides, ...overrides });
        },
      },
    },
  ]),
);
