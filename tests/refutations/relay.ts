/**
 * Ways in which `relay` can really go wrong.
 *
 * @module
 */

import {
  IP_MULTICAST_TTL,
  IPPROTO_IP,
  type Ipv4Endpoint,
  O_CLOEXEC,
  open,
  send,
  setsockopt,
} from "../../ffi/mod.ts";
import type { ChildRun } from "../../lib/harness/child_run.ts";
import { DatagramReader } from "../../lib/packets/datagrams.ts";
import { strayFrame } from "../../lib/experiments/relay/elsewhere.ts";
import {
  child,
  childOverrides,
  parent,
  parentOverrides,
  relay,
} from "../../lib/experiments/relay/experiment.ts";
import { openEgress } from "../../lib/experiments/relay/egress.ts";
import type { RelaySetting } from "../../lib/experiments/relay/options.ts";
import type { ParentRun } from "../../lib/harness/parent_run.ts";
import { becomeWorker, protectSocket, protectWorker } from "../../lib/confine/protections.ts";
import { type FrameSource, openFrameSource } from "../../lib/receive/mod.ts";
import { PacketRingSource } from "../../lib/receive/tpacket_v3.ts";
import { Relay, type RelayAccount } from "../../lib/experiments/relay/relay.ts";
import {
  AlteredSource,
  type Fault,
  type Faults,
  onProtections,
  sleep,
  trustMe,
  withoutStage4,
} from "./refutation.ts";

/** A fault, by the overrides of the two programs that are replaced, and what the child makes of its own words. */
interface Replacement extends Omit<Fault, "experiment"> {
  readonly parent?: Partial<typeof parentOverrides>;
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

/** One whose ring is too small for what comes while it sleeps. */
class SleepingSource extends AlteredSource {
  #isAsleep = false;
  #isDone = false;

  override next(): boolean {
    if (this.#isAsleep && !this.#isDone) {
      sleep(300);
      this.#isDone = true;
    }
    const isThere = super.next();
    this.#isAsleep ||= !isThere;
    return isThere;
  }
}

/** A relay that is right, for those that are not to start from. */
class WrongRelay {
  readonly right: Relay;

  constructor(
    protected readonly source: FrameSource,
    protected readonly egressFd: number,
    protected readonly from: Ipv4Endpoint,
  ) {
    this.right = new Relay(source, egressFd, from);
  }

  turn(most: number): number {
    return this.right.turn(most);
  }

  get account(): RelayAccount {
    return this.right.account;
  }
}

type Facts = {
  payload: Uint8Array<ArrayBuffer>;
  padded: Uint8Array<ArrayBuffer>;
  sequence: number;
};

/** A relay that makes something of its own of each datagram. */
function sending(what: (facts: Facts) => Uint8Array<ArrayBuffer>[]): typeof WrongRelay {
  return class extends WrongRelay {
    #relayed = 0;
    readonly #reader = new DatagramReader(this.from);

    override turn(most: number): number {
      const { source } = this;
      let frames = 0;
      while (frames < most && source.next()) {
        frames++;
        const { bytes, offset, captured } = source;
        if (this.#reader.read(bytes, offset, captured) !== undefined) continue;
        const { start, size } = this.#reader;
        const payload = bytes.subarray(start, start + size);
        const padded = bytes.subarray(start, offset + captured);
        const all = what({ payload, padded, sequence: this.#relayed++ });
        for (const each of all) send(this.egressFd, each, 0);
      }
      return frames;
    }

    override get account(): RelayAccount {
      return { ...this.right.account, relayed: this.#relayed };
    }
  };
}

const by = (Wrong: typeof WrongRelay): Partial<typeof childOverrides> => ({
  relay: (source, egressFd, from) => new Wrong(source, egressFd, from),
});

const altering = (
  Altered: new (source: FrameSource) => FrameSource,
): Partial<typeof childOverrides> => ({
  openSource: (receive, packetFd) => new Altered(openFrameSource(receive, packetFd)),
});

/** What a worker does whose orders do not name the filter of system calls. */
const unfiltered: typeof protectWorker = (worker, chosen) =>
  protectWorker(worker, chosen.filter((each) => each !== "receive-only"));

const REPLACEMENTS: { readonly [name: string]: Replacement } = {
  "no-join": {
    what: "the helper socket joins nothing",
    refutes: ["RELAY-01"],
    alone: true,
    parent: { joinGroup: () => {} },
  },
  "joined-elsewhere": {
    what: "the helper socket joins another group",
    refutes: ["RELAY-01"],
    alone: true,
    parent: {
      joinGroup: (fd, _, ifindex) => parentOverrides.joinGroup(fd, "239.255.70.71", ifindex),
    },
  },
  "far-reaching": {
    what: "datagrams may cross 32 routers",
    refutes: ["RELAY-02"],
    alone: true,
    parent: {
      openEgress(link, to) {
        const egress = openEgress(link, to);
        setsockopt(egress.fd, IPPROTO_IP, IP_MULTICAST_TTL, 32);
        return egress;
      },
    },
  },
  "misdirected": {
    what: "the UDP socket is connected to another port",
    refutes: ["RELAY-02", "RELAY-05", "RELAY-06"],
    parent: { openEgress: (link, to) => openEgress(link, { ...to, port: to.port + 1 }) },
  },
  "no-filter-of-calls": {
    what: "the worker may make every system call",
    refutes: ["HARD-05", "RELAY-02", "RELAY-03", "RELAY-04"],
    child: { protectWorker: unfiltered },
  },
  "lying-worker": {
    what: "the worker may make every system call, and says that it was refused",
    refutes: ["HARD-05", "RELAY-02", "RELAY-03", "RELAY-04"],
    child: { protectWorker: unfiltered },
    words: trustMe,
  },
  "skipped": {
    what: "a frame is left out",
    refutes: ["RELAY-05", "RELAY-06", "RELAY-07"],
    child: altering(SkippingSource),
  },
  "doubled": {
    what: "a frame comes twice",
    refutes: ["RELAY-05", "RELAY-06", "RELAY-07"],
    child: altering(DoublingSource),
  },
  "padded": {
    what: "the padding of a short frame goes with the payload",
    refutes: ["RELAY-05", "RELAY-06"],
    child: by(sending(({ padded }) => [padded])),
  },
  "emptied": {
    what: "a datagram without payload is not passed on",
    refutes: ["RELAY-05", "RELAY-06"],
    child: by(sending(({ payload }) => payload.length === 0 ? [] : [payload])),
  },
  "made-up": {
    what: "the worker sends to its destination what it has made up",
    refutes: ["RELAY-05", "RELAY-06", "RELAY-07"],
    child: by(
      sending(({ payload, sequence }) =>
        sequence === THAT_ONE ? [payload, Uint8Array.of(1, 2, 3)] : [payload]
      ),
    ),
  },
  "miscounted": {
    what: "a fragment is counted as malformed",
    refutes: ["RELAY-07"],
    alone: true,
    child: by(
      class extends WrongRelay {
        override get account(): RelayAccount {
          const { account } = this.right;
          const { dropped } = account;
          const fragment = dropped.fragment - 1;
          const more = dropped["malformed header"] + 1;
          return { ...account, dropped: { ...dropped, fragment, "malformed header": more } };
        }
      },
    ),
  },
  "deaf-receiver": {
    what: "a datagram does not reach the receiver",
    refutes: ["RELAY-06"],
    alone: true,
    child: {
      receive: (digests, digest) => {
        if (++receivedSoFar !== THAT_ONE) digests.push(digest);
      },
    },
  },
  "every-group": {
    what: "the filter of the packet socket lets every group pass",
    refutes: ["RELAY-07", "RELAY-08"],
    parent: { protectSocket: (packetFd, chosen) => protectSocket(packetFd, chosen) },
  },
  "dropped-by-the-kernel": {
    what: "the worker sleeps while frames come, with hardly a ring",
    refutes: ["RELAY-05", "RELAY-06", "RELAY-08"],
    child: {
      openSource: (_, packetFd) =>
        new SleepingSource(
          PacketRingSource.setUp(packetFd, { blockSize: 1 << 14, blockCount: 2, retireTimeout: 8 }),
        ),
    },
  },
  "never-strict": {
    what: "reverse path filtering stays off",
    refutes: ["RELAY-09"],
    alone: true,
    parent: { setReversePath: (filter) => filter.set("off") },
  },
  "always-strict": {
    what: "reverse path filtering is on in the control as well",
    refutes: ["RELAY-09"],
    alone: true,
    parent: { setReversePath: (filter) => filter.set("strict") },
  },
  "unprotected-worker": {
    what: "the worker skips what it should put on itself, and says that it has",
    refutes: ["HARD-01", "HARD-02", "HARD-04", "HARD-05", "RELAY-03", "RELAY-04"],
    words(run) {
      trustMe(run);
      onProtections(run, withoutStage4);
    },
  },
  "forgotten-file": {
    what: "the worker holds a file open",
    refutes: ["HARD-03"],
    alone: true,
    child: {
      becomeWorker(identity, chosen) {
        open("/etc/passwd", O_CLOEXEC);
        becomeWorker(identity, chosen);
      },
    },
  },
  "frame-by-itself": {
    what: "the worker sends one frame by the packet socket, just before the filter is on",
    refutes: ["RELAY-03", "RELAY-04"],
    alone: true,
    child: {
      protectWorker(worker, chosen) {
        send(worker.packetFd, strayFrame(), 0);
        protectWorker(worker, chosen);
      },
    },
  },
};

let receivedSoFar = 0;

/** Every fault of `relay`, by name. */
export const RELAY_FAULTS: Faults = Object.fromEntries(
  Object.entries(REPLACEMENTS).map(([name, { parent: ours, child: theirs, words, ...fault }]) => [
    `${relay.name}/${name}`,
    {
      ...fault,
      experiment: {
        ...relay,
        parent: (run: ParentRun<RelaySetting>) => parent(run, { ...parentOverrides, ...ours }),
        child: (run: ChildRun) => {
          words?.(run);
          return child(run, { ...childOverrides, ...theirs });
        },
      },
    },
  ]),
);
