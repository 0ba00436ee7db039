/**
 * Subjects of an inspection, made by hand: an unprivileged process with one packet socket, and
 * whatever a test changes about it.
 *
 * @module
 */

import { compileFilter, type SyscallRule } from "../../ffi/seccomp/seccomp.ts";
import type { OperationName } from "../../lib/evidence/operations.ts";
import { predict } from "../../lib/inspect/prediction/predict.ts";
import type { Surroundings } from "../../lib/inspect/prediction/surroundings.ts";
import type {
  AskedThread,
  Prediction,
  SeenDaemon,
  SocketState,
  Subject,
} from "../../lib/inspect/subject.ts";
import type { ThreadCredentials } from "../../lib/inspect/threads/threads.ts";

const NOBODY = 65534;
const NO_CAPABILITY = "0000000000000000";

/** A set of capabilities, as a status file writes it. */
export const capabilities = (...bits: readonly number[]) =>
  bits.reduce((set, bit) => set | 1n << BigInt(bit), 0n).toString(16).padStart(16, "0");

/** A thread without privileges, and what differs. */
export function credentials(different: Partial<ThreadCredentials> = {}): ThreadCredentials {
  return {
    tid: 100,
    uids: [NOBODY, NOBODY, NOBODY, NOBODY],
    gids: [NOBODY, NOBODY, NOBODY, NOBODY],
    groups: [],
    noNewPrivs: 0,
    seccomp: 0,
    filters: 0,
    ...different,
    capabilities: {
      CapInh: NO_CAPABILITY,
      CapPrm: NO_CAPABILITY,
      CapEff: NO_CAPABILITY,
      CapBnd: NO_CAPABILITY,
      CapAmb: NO_CAPABILITY,
      ...different.capabilities,
    },
  };
}

/** A packet socket as descriptor 5, and what differs. */
export function packetSocket(different: Partial<SocketState> = {}): SocketState {
  const fd = different.fd ?? 5;
  return {
    link: `socket:[${fd}]`,
    fd,
    fds: [fd],
    type: "SOCK_RAW",
    ifindex: 2,
    protocol: 3,
    filter: new Uint8Array(),
    isLocked: false,
    isPinned: false,
    rings: [],
    mark: 0,
    stampsFrames: false,
    isInOwnNamespace: true,
    ...different,
  };
}

/** A descriptor of the process. */
export function descriptor(
  fd: number,
  refers_to: string,
  access: "read" | "write" | "read and write" = "read and write",
): SeenDaemon["shown"]["descriptors"][number] {
  return { fd, refers_to, access, note: "", tids: [] };
}

const DESCRIPTORS = [
  descriptor(0, "/dev/null"),
  descriptor(1, "pipe:[1]", "write"),
  descriptor(2, "pipe:[1]", "write"),
  descriptor(5, "socket:[5]"),
];

/** A process, and what differs. */
export function daemon(
  { shown = {}, threads = [credentials()], netRaw, ...different }:
    & Omit<Partial<SeenDaemon>, "shown">
    & { readonly shown?: Partial<SeenDaemon["shown"]> } = {},
): SeenDaemon {
  return {
    pid: 100,
    threads,
    netRaw: netRaw ?? new Map(threads.map(({ tid }) => [tid, false])),
    descriptorLimit: 1024,
    rings: [],
    descriptors: shown.descriptors ?? DESCRIPTORS,
    mapped: [],
    sharers: [],
    heldNetworks: [],
    writtenMemories: [],
    unseenThreads: [],
    siblings: { dumpable: [200], undumpable: [201] },
    ...different,
    shown: {
      pid: 100,
      name: "relay",
      executable: "/usr/bin/relay",
      command: ["relay"],
      parent: { pid: 1, name: "init" },
      session: 100,
      threads: [],
      differences: [],
      namespaces: [
        { kind: "user", link: "user:[4026531837]", same: true },
        { kind: "mnt", link: "mnt:[4026531841]", same: true },
      ],
      root: "/",
      dumpable: false,
      wx_mappings: 0,
      descriptors: DESCRIPTORS,
      descriptors_left_out: 0,
      unseen: [],
      ...shown,
    },
  };
}

/** Surroundings in which nothing is restricted, and what differs. */
export function surroundings(different: Partial<Surroundings> = {}): Surroundings {
  return {
    ioUringDisabled: "0",
    ioUringGroup: "-1",
    hasIoUring: true,
    hasAio: true,
    unprivilegedBpfDisabled: "0",
    ptraceScope: "0",
    maxUserNamespaces: "1000",
    unprivilegedUserNamespaces: undefined,
    restrictedUserNamespaces: undefined,
    mostDescriptors: 1024,
    hasNullDevice: true,
    hasSetUidProgram: true,
    abis: [],
    kernelThreads: [],
    ...different,
  };
}

/** A program that allows every call but those of the rules. */
export const filterOf = (...rules: readonly Omit<SyscallRule, "reason">[]) =>
  compileFilter({
    rules: rules.map((rule) => ({ ...rule, reason: "a test" })),
    otherwise: { action: "allow", reason: "a test" },
  });

/** A program that refuses every call but those of the rules. */
export const allowlistOf = (...rules: readonly Omit<SyscallRule, "reason">[]) =>
  compileFilter({
    rules: rules.map((rule) => ({ ...rule, reason: "a test" })),
    otherwise: { action: "EPERM", reason: "a test" },
  });

/** A thread with filters, as it showed itself while it was stopped. */
export function askedThread(
  filters: readonly Uint8Array<ArrayBuffer>[],
  different: Partial<AskedThread> & { readonly tid?: number } = {},
): AskedThread {
  const { tid = 100 } = different;
  const seccomp = filters.length > 0 ? 2 : 0;
  return {
    tid,
    credentials: credentials({ tid, seccomp, filters: filters.length }),
    filters,
    asItIs: {},
    beneath: {},
    notAsked: [],
    parentDeathSignal: 0,
    usedRing: false,
    ...different,
  };
}

/** A process that was asked, whose threads have these filters. */
export function askedSubject(
  ...threads: readonly AskedThread[]
): Subject {
  return {
    daemon: daemon({ threads: threads.map(({ credentials }) => credentials) }),
    sockets: [packetSocket()],
    asked: { threads, stopped: 1 },
  };
}

/** A process that was not asked. */
export function subject(
  seen: SeenDaemon = daemon(),
  sockets: readonly SocketState[] = [packetSocket()],
): Subject {
  return { daemon: seen, sockets, asked: undefined };
}

/** Returns the prediction for an operation, in the first column. */
export function predicted(
  name: OperationName,
  of: Subject,
  around: Surroundings = surroundings(),
): Prediction {
  return [...predict(of, around).get(name)!.values()][0];
}

/** Returns the outcome that is predicted for an operation, in the first column. */
export const outcomeOf = (...question: Parameters<typeof predicted>) =>
  predicted(...question).outcome;
