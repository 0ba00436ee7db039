/**
 * Real defects of `relay`, and the checks that must fail because of each.
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
import type { RelayAccount } from "../../lib/experiments/relay/account.ts";
import { openEgress } from "../../lib/experiments/relay/egress.ts";
import { strayFrameWithHeader } from "../../lib/experiments/relay/elsewhere.ts";
import {
  child,
  childOverrides,
  parent,
  parentOverrides,
  relay,
} from "../../lib/experiments/relay/experiment.ts";
import { type Group, join } from "../../lib/experiments/relay/membership.ts";
import { Relay } from "../../lib/experiments/relay/relay.ts";
import { DatagramReader } from "../../lib/experiments/relay/datagrams.ts";
import type { RelaySetting } from "../../lib/experiments/relay/options.ts";
import type { ParentRun } from "../../lib/harness/parent_run.ts";
import { protectSocket } from "../../lib/confine/socket_protections.ts";
import { multicastFilter } from "../../lib/packets/filters.ts";
import { datagramFrame } from "../../lib/packets/build.ts";
import { sendFrame } from "../../lib/packets/send.ts";
import { boundPacketSocket } from "../../lib/packets/socket.ts";
import { interfaceByName } from "../support/link_ends.ts";
import type { LinkLayer } from "../../lib/packets/link_layer.ts";
import { becomeWorker, protectWorker } from "../../lib/confine/worker_protections.ts";
import { type FrameSource, openFrameSource } from "../../lib/receive/mod.ts";
import { PacketRingSource } from "../../lib/receive/tpacket_v3.ts";
import { DoublingSource, MISTREATED, SkippingSource, SleepingSource } from "./altered_sources.ts";
import {
  onProtections,
  type Refutation,
  type Refutations,
  trustMe,
  withoutStage4,
} from "./refutation.ts";

/** A defect: the overrides of the two programs, and what is changed in the child's messages. */
interface Defect extends Omit<Refutation, "experiment"> {
  readonly parent?: Partial<typeof parentOverrides>;
  readonly child?: Partial<typeof childOverrides>;
  readonly words?: (run: ChildRun) => void;
}

/** A relay that works, for a subclass to break. */
class WrongRelay {
  readonly right: Relay;

  constructor(
    protected readonly source: FrameSource,
    protected readonly egressFd: number,
    protected readonly from: Ipv4Endpoint,
    layer: LinkLayer,
  ) {
    this.right = new Relay(source, egressFd, from, layer);
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

/** A relay that makes its own datagrams out of each one that it receives. */
function sending(what: (facts: Facts) => Uint8Array<ArrayBuffer>[]): typeof WrongRelay {
  return class extends WrongRelay {
    #relayed = 0;
    readonly #reader = new DatagramReader(this.from, "ethernet");

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
  relay: (...how) => new Wrong(...how),
});

const altering = (
  Altered: new (source: FrameSource) => FrameSource,
): Partial<typeof childOverrides> => ({
  openSource: (receive, packetFd) => new Altered(openFrameSource(receive, packetFd)),
});

/** The beginning of the payloads of another sender. */
const ANOTHER = new TextEncoder().encode("another");

const isOfAnother = (payload: Uint8Array) => ANOTHER.every((byte, i) => payload[i] === byte);

/** How often another sender sends, in milliseconds. */
const ANOTHER_EVERY = 5;

/** Joins the group, and sends to it from another address until the run ends. */
function amongOthers(fd: number, group: Group, ifindex: number): void {
  join(fd, group, ifindex);
  const far = interfaceByName("veth-fdpass-far");
  const packetSocket = boundPacketSocket(far.ifindex, 0);
  const to = { address: group.address, port: 5004, source: "192.0.2.200" };
  let sent = 0;
  const timer = setInterval(() => {
    const payload = Uint8Array.from([...ANOTHER, sent >> 8 & 0xff, sent++ & 0xff]);
    sendFrame(packetSocket.fd, datagramFrame({ sender: far, to, payload }));
    sendFrame(packetSocket.fd, datagramFrame({ sender: far, to, payload: new Uint8Array(0) }));
  }, ANOTHER_EVERY);
  Deno.unrefTimer(timer);
}

/** Confines a worker without the filter of system calls. */
const unfiltered: typeof protectWorker = (worker, chosen) =>
  protectWorker(worker, chosen.filter((each) => each !== "receive-only"));

const DEFECTS: { readonly [name: string]: Defect } = {
  "no-join": {
    what: "the helper socket joins nothing",
    refutes: ["RELAY-01"],
    alone: true,
    parent: { join: () => {} },
  },
  "joined-elsewhere": {
    what: "the helper socket joins another group",
    refutes: ["RELAY-01"],
    alone: true,
    parent: {
      join: (fd, _, ifindex) => join(fd, { address: "239.255.70.71" }, ifindex),
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
    refutes: ["RELAY-02", "RELAY-03", "RELAY-04"],
    parent: { openEgress: (link, to) => openEgress(link, { ...to, port: to.port + 1 }) },
  },
  "no-filter-of-calls": {
    what: "the worker may make every system call",
    refutes: ["HARD-05", "RELAY-02", "RELAY-03", "RELAY-04"],
    child: { protectWorker: unfiltered },
  },
  "lying-worker": {
    what: "the worker may make every system call, and claims refusals",
    refutes: ["HARD-05", "RELAY-02", "RELAY-03", "RELAY-04"],
    child: { protectWorker: unfiltered },
    words: trustMe,
  },
  "skipped": {
    what: "a frame is skipped",
    refutes: ["RELAY-05", "RELAY-06", "RELAY-07"],
    child: altering(SkippingSource),
  },
  "doubled": {
    what: "a frame comes twice",
    refutes: ["RELAY-05", "RELAY-06", "RELAY-07"],
    child: altering(DoublingSource),
  },
  "padded": {
    what: "the padding of a short frame is sent with the payload",
    refutes: ["RELAY-05", "RELAY-06"],
    child: by(sending(({ padded }) => [padded])),
  },
  "emptied": {
    what: "a datagram without payload is not relayed",
    refutes: ["RELAY-05", "RELAY-06"],
    child: by(sending(({ payload }) => payload.length === 0 ? [] : [payload])),
  },
  "made-up": {
    what: "the worker sends an invented datagram to its destination",
    refutes: ["RELAY-05", "RELAY-06", "RELAY-07"],
    child: by(
      sending(({ payload, sequence }) =>
        sequence === MISTREATED ? [payload, Uint8Array.of(1, 2, 3)] : [payload]
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
    what: "the receiver misses a datagram",
    refutes: ["RELAY-06"],
    alone: true,
    child: {
      receive: (digests, digest) => {
        if (++receivedSoFar !== MISTREATED) digests.push(digest);
      },
    },
  },
  "every-group": {
    what: "the filter of the packet socket accepts every group",
    refutes: ["RELAY-07", "RELAY-08"],
    parent: {
      protectSocket: (packetFd, chosen) =>
        protectSocket(packetFd, chosen, multicastFilter("ethernet")),
    },
  },
  "dropped-by-the-kernel": {
    what: "the worker sleeps while frames come, with a tiny ring",
    refutes: ["RELAY-05", "RELAY-06", "RELAY-08"],
    child: {
      openSource: (_, packetFd) =>
        new SleepingSource(
          PacketRingSource.setUp(packetFd, { blockSize: 1 << 14, blockCount: 2, retireTimeout: 8 }),
        ),
    },
  },
  "lost-among-others": {
    what: "a datagram is lost while others send to the same group and port",
    refutes: ["RELAY-05", "RELAY-06", "RELAY-09"],
    parent: { join: amongOthers },
    child: by(sending(({ payload }) => isOfAnother(payload) || !isMistreated() ? [payload] : [])),
  },
  "made-up-among-others": {
    what: "the worker sends an invented datagram while others send to the same group and port",
    refutes: ["RELAY-05", "RELAY-06"],
    parent: { join: amongOthers },
    child: by(
      sending(({ payload, sequence }) =>
        sequence === MISTREATED ? [payload, Uint8Array.of(1, 2, 3)] : [payload]
      ),
    ),
  },
  "another-s-twice": {
    what: "the worker sends a datagram of another sender twice",
    refutes: ["RELAY-05", "RELAY-06"],
    parent: { join: amongOthers },
    child: by(
      sending(({ payload }) => isOfAnother(payload) ? [payload, payload] : [payload]),
    ),
  },
  "claimed-others": {
    what: "the worker claims that many more frames of others came than did",
    refutes: ["RELAY-07"],
    alone: true,
    parent: { join: amongOthers },
    child: by(
      class extends WrongRelay {
        override get account(): RelayAccount {
          const { account } = this.right;
          const more = account.dropped["not the port"] + 1000;
          return { ...account, dropped: { ...account.dropped, "not the port": more } };
        }
      },
    ),
  },
  "late-loss": {
    what: "every datagram is lost once reverse path filtering is strict",
    refutes: ["RELAY-05", "RELAY-06", "RELAY-09"],
    child: by(sending(({ payload, sequence }) => sequence < MISTREATED ? [payload] : [])),
  },
  "unprotected-worker": {
    what: "the worker skips the protections that it should put on itself, and claims them",
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
    what: "the worker sends one frame by the packet socket, just before its filter is installed",
    refutes: ["RELAY-03", "RELAY-04"],
    alone: true,
    child: {
      protectWorker(worker, chosen) {
        send(worker.packetFd, strayFrameWithHeader("ethernet"), 0);
        protectWorker(worker, chosen);
      },
    },
  },
};

let receivedSoFar = 0, datagramsSoFar = 0;

/** Whether this is the datagram that a relay mistreats. */
const isMistreated = () => ++datagramsSoFar === MISTREATED;

/** Every refutation of `relay`, by name. */
export const RELAY_REFUTATIONS: Refutations = Object.fromEntries(
  Object.entries(DEFECTS).map(([name, { parent: ours, child: theirs, words, ...refutation }]) => [
    `${relay.name}/${name}`,
    {
      ...refutation,
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
