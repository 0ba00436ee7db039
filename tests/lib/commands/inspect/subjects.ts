/**
 * Constructed subjects of an inspection: a process that meets every claim, and changes of it.
 *
 * @module
 */

import { OPERATION_NAMES } from "../../../../lib/evidence/operations.ts";
import type { Seen } from "../../../../lib/commands/inspect/judge.ts";
import type { Predictions } from "../../../../lib/commands/inspect/judge/confinement.ts";
import type {
  AskedThread,
  Prediction,
  SeenDaemon,
  SocketState,
} from "../../../../lib/inspect/subject.ts";
import type { ThreadCredentials } from "../../../../lib/inspect/threads/threads.ts";
import { packetSocket as boundSocket } from "../../../support/subjects.ts";

/** The id of the process and of its first thread. */
export const PID = 4711;

const NO_CAPABILITY = "0000000000000000";

/** The credentials of a confined thread, with some changes. */
export function credentials(
  tid: number,
  changes: Partial<ThreadCredentials> = {},
): ThreadCredentials {
  return {
    tid,
    uids: [65534, 65534, 65534, 65534],
    gids: [65534, 65534, 65534, 65534],
    groups: [],
    noNewPrivs: 1,
    seccomp: 2,
    filters: 1,
    ...changes,
    capabilities: {
      ...Object.fromEntries(
        ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map((set) => [set, NO_CAPABILITY]),
      ),
      ...changes.capabilities,
    },
  };
}

/** The errno of a refusal. */
export const EPERM = 1;

const REFUSED = { socket: EPERM, setgroups: EPERM, setresgid: EPERM, setresuid: EPERM };

/** A filter; its content does not matter here. */
export const FILTER = Uint8Array.from([6, 0, 0, 0, 0, 0, 5, 0]);

/** A thread that was asked, with some changes. */
export function asked(
  thread: ThreadCredentials,
  changes: Partial<AskedThread> = {},
): AskedThread {
  return {
    tid: thread.tid,
    credentials: thread,
    filters: [FILTER],
    asItIs: REFUSED,
    beneath: REFUSED,
    notAsked: [],
    parentDeathSignal: 9,
    usedRing: false,
    ...changes,
  };
}

/** A process with some threads, and some changes. */
export function daemon(
  threads: readonly ThreadCredentials[],
  changes: Partial<SeenDaemon> = {},
  dumpable: boolean | null = false,
): SeenDaemon {
  return {
    pid: PID,
    shown: {
      pid: PID,
      name: "daemon",
      executable: null,
      command: [],
      parent: null,
      session: 1,
      threads: [],
      differences: [],
      namespaces: [],
      root: "/",
      dumpable,
      wx_mappings: 0,
      descriptors: [],
      descriptors_left_out: 0,
      unseen: [],
    },
    threads,
    unseenThreads: [],
    netRaw: new Map(threads.map(({ tid }) => [tid, false])),
    descriptorLimit: 64,
    rings: [],
    descriptors: [],
    mapped: [],
    sharers: [],
    heldNetworks: [],
    writtenMemories: [],
    siblings: { dumpable: [], undumpable: [] },
    ...changes,
  };
}

/** A packet socket that is locked and pinned, with some changes. */
export const packetSocket = (changes: Partial<SocketState> = {}): SocketState =>
  boundSocket({ link: "socket:[1]", isLocked: true, isPinned: true, ...changes });

const FORBIDDEN_BY_FILTER: Prediction = { outcome: "EPERM", wall: "filter", reason: "a rule" };

/** Every operation is refused on descriptor 5, but for some changes. */
export function predictions(changes: Partial<Record<string, Prediction>> = {}): Predictions {
  return new Map(
    OPERATION_NAMES.map((
      name,
    ) => [name, new Map([["fd 5", changes[name] ?? FORBIDDEN_BY_FILTER]])]),
  );
}

/** Everything that was seen of a process that meets every claim, with some changes. */
export function seen(changes: Partial<Seen> = {}): Seen {
  const threads = [credentials(PID), credentials(PID + 1)];
  return {
    subject: {
      daemon: daemon(threads),
      sockets: [packetSocket()],
      asked: { threads: threads.map((thread) => asked(thread)), stopped: 1 },
    },
    predictions: predictions(),
    hidden: [],
    possiblyHidden: [],
    onlyAskingTells: undefined,
    accomplices: { found: [], unseen: [] },
    missingSockets: [],
    unseenPlaces: [],
    otherSenders: [],
    unasked: [],
    overflow: { uid: undefined, gid: undefined },
    ...changes,
  };
}

/** The same with a second thread that differs; nothing was asked if `asking` is null. */
export function withThread(
  changes: Partial<ThreadCredentials>,
  asking: Partial<AskedThread> | null = {},
  more: Partial<SeenDaemon> = {},
): Seen {
  const threads = [credentials(PID), credentials(PID + 1, changes)];
  return seen({
    subject: {
      daemon: daemon(threads, more),
      sockets: [packetSocket()],
      asked: asking === null ? undefined : {
        threads: [asked(threads[0]), asked(threads[1], asking)],
        stopped: 1,
      },
    },
  });
}
