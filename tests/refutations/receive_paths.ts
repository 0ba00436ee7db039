/**
 * Real defects of `receive-paths`, and the checks that must fail because of each.
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
  CountingSource,
  DoublingSource,
  MISTREATED,
  SkippingSource,
  SleepingSource,
} from "./altered_sources.ts";
import {
  dropOnOneThread,
  ignoreEverything,
  LYING_WORKERS,
  onStage,
  type Refutation,
  type Refutations,
  trustMe,
} from "./refutation.ts";

/** A defect: the overrides of the child's program, and what is changed in the child's messages. */
interface Defect extends Omit<Refutation, "experiment"> {
  readonly child?: Partial<typeof childOverrides>;
  readonly words?: (run: ChildRun) => void;
}

/** Returns copies of its frames, for a subclass to alter. */
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
    if (this.count === MISTREATED) this.copy[this.copy.length - 1] ^= 1;
    return true;
  }
}

class CuttingSource extends CopyingSource {
  override next(): boolean {
    if (!super.next()) return false;
    if (this.count === MISTREATED) this.copy = this.copy.slice(0, -1);
    return true;
  }
}

/** Returns the mistreated frame after the one that follows it. */
class SwappingSource extends CopyingSource {
  #held: Uint8Array<ArrayBuffer> | undefined;

  override next(): boolean {
    if (this.#held !== undefined && this.count > MISTREATED) {
      this.copy = this.#held;
      this.#held = undefined;
      return true;
    }
    if (!super.next()) return false;
    if (this.count !== MISTREATED) return true;
    this.#held = this.copy;
    return super.next();
  }
}

type Way = (orders: ReceiverOrders, packetFd: number) => boolean;
const everyWay: Way = () => true;
const by = (receive: string, ringSetUp = false): Way => (orders) =>
  orders.receive === receive && orders.isRingSetUp === ringSetUp;

/** Replaces the sources of some receive paths by altered ones. */
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

/** The receive paths that queue frames in the receive buffer of the socket. */
const BY_BUFFER: readonly (readonly [receive: string, check: CheckId])[] = [
  ["recvmsg", "PATH-01"],
  ["recvfrom", "PATH-02"],
  ["recvmmsg", "PATH-03"],
];

const DEFECTS: { readonly [name: string]: Defect } = {
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
    what: "a frame is skipped",
    refutes: ["PATH-01", "PATH-04", "PATH-06"],
    alone: true,
    child: altering(SkippingSource, by("recvmsg"), by("tpacket-v3"), by("io-uring")),
  },
  "flipped": {
    what: "a bit of a frame is flipped",
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
    what: "the child sleeps while frames come, with a tiny receive buffer",
    refutes: BY_BUFFER.map(([, check]) => check),
    alone: true,
    child: {
      openSource(orders, packetFd) {
        const source = childOverrides.openSource(orders, packetFd);
        if (!BY_BUFFER.some(([receive]) => receive === orders.receive)) return source;
        setsockopt(packetFd, SOL_SOCKET, SO_RCVBUF, 1); // the kernel raises it to its minimum
        return new SleepingSource(source);
      },
    },
  },
  "deaf-socket": {
    what: "a filter on the passed socket drops every frame",
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
    what: "the child stays root and invents digests",
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

/** Every refutation of `receive-paths`, by name. */
export const RECEIVE_PATHS_REFUTATIONS: Refutations = Object.fromEntries(
  Object.entries(DEFECTS).map(([name, { child: overrides, words, ...refutation }]) => [
    `${receivePaths.name}/${name}`,
    {
      timeout: 60,
      ...refutation,
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
