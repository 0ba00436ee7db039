/**
 * The subject of an inspection: everything that was seen of one process, in the form in which the
 * judges and the predictions need it. Who sees what: `daemon.ts` the process, `socket_state.ts` its
 * packet sockets, `asking.ts` what needs a stopped process.
 *
 * @module
 */

import type {
  InspectedDescriptor,
  InspectedProcess,
  InspectedSocket,
  NamedProcess,
} from "../evidence/inspected.ts";
import type { Answers } from "./asking/questions.ts";
import type { ThreadCredentials } from "./threads/threads.ts";

/** The part of the evidence that shows without a look at its sockets, and without stopping it. */
export type SeenProcessPart = Omit<
  InspectedProcess,
  "packet_sockets" | "hidden" | "filters" | "stopped_ms" | "known_holes"
>;

/** An io_uring that the process holds, from the fdinfo of its descriptor. */
export interface SeenRing {
  readonly fd: number;
  /** The links of its registered files. */
  readonly files: readonly string[];
  /**
   * The uid of each registered personality; undefined if the kernel lists none, which does not mean
   * that there is none: newer kernels list none at all (6.18).
   */
  readonly personalities: readonly number[] | undefined;
  /**
   * The thread that polls it, by its id in the machine's first PID namespace, which may differ from
   * that in /proc; undefined if there is none. It may belong to another process.
   */
  readonly pollingThread: number | undefined;
}

/** Another process that shares something with the inspected one (clone(2)). */
export interface Sharer extends NamedProcess {
  readonly sharesMemory: boolean;
  readonly sharesDescriptors: boolean;
}

/** Other processes of the same uid, by whether they are dumpable. */
export interface Siblings {
  readonly dumpable: readonly number[];
  readonly undumpable: readonly number[];
}

/** A network namespace that a process may enter by a descriptor: setns(2). */
export interface HeldNetwork {
  readonly fd: number;
  readonly link: string;
  readonly netRaw: boolean | undefined;
}

/** What the kernel reports of a process, without stopping it. */
export interface SeenDaemon {
  readonly pid: number;
  readonly shown: SeenProcessPart;
  readonly threads: readonly ThreadCredentials[];
  /** Why threads, or their credentials, may be missing. It is part of `shown.unseen`. */
  readonly unseenThreads: readonly string[];
  /**
   * By thread id: whether the thread has CAP_NET_RAW over its own network namespace, as
   * `ns_capable(net->user_ns, CAP_NET_RAW)` decides; undefined if that cannot be told.
   */
  readonly netRaw: ReadonlyMap<number, boolean | undefined>;
  /**
   * The other network namespaces among its descriptors, each with its lowest number, and whether
   * one of its threads has CAP_NET_RAW there; undefined if that cannot be told.
   */
  readonly heldNetworks: readonly HeldNetwork[];
  /** Descriptors by which it may write the memory of another process, in words. */
  readonly writtenMemories: readonly string[];
  /** RLIMIT_NOFILE, the soft limit; undefined if it cannot be read. */
  readonly descriptorLimit: number | undefined;
  readonly rings: readonly SeenRing[];
  /** Every descriptor, of every table. `shown` lists only the first of them. */
  readonly descriptors: readonly InspectedDescriptor[];
  /** The sockets and rings that it maps, such as `socket:[4711]`, each once. */
  readonly mapped: readonly string[];
  /** Other processes that share its memory or its table of descriptors: threads but in name. */
  readonly sharers: readonly Sharer[];
  /**
   * Other processes of the same uid in its PID namespace that are dumpable, and that are not. If
   * that cannot be told of a process, it counts as dumpable. Undefined if there are too many
   * processes to look at.
   */
  readonly siblings: Siblings | undefined;
}

/** The state of a packet socket that decides what its holder may do. */
export interface SocketState {
  readonly link: string;
  /** Its lowest number in the process. */
  readonly fd: number;
  /** Every number that it has in the process. */
  readonly fds: readonly number[];
  readonly type: InspectedSocket["type"];
  readonly ifindex: number;
  readonly protocol: number;
  /** The classic BPF program; empty for none; undefined for an extended one. */
  readonly filter: Uint8Array<ArrayBuffer> | undefined;
  readonly isLocked: boolean;
  /** Whether it is a member of a fanout group; undefined if that cannot be told. */
  readonly isPinned: boolean | undefined;
  readonly rings: readonly ("rx" | "tx")[] | undefined;
  readonly mark: number;
  /**
   * Whether SO_TIMESTAMP or SO_TIMESTAMPNS is on, which leaves SIOCGSTAMP without an answer;
   * undefined if that cannot be read.
   */
  readonly stampsFrames: boolean | undefined;
  /** Whether it is in the network namespace of the process; undefined if that cannot be read. */
  readonly isInOwnNamespace: boolean | undefined;
}

/** The packet sockets of a process. */
export interface SeenSockets {
  /** Sorted by their lowest number in the process. */
  readonly states: readonly SocketState[];
  /** The same sockets, as the evidence shows them. */
  readonly shown: readonly InspectedSocket[];
  /**
   * Packet sockets that the process holds, or may hold, although no descriptor shows them, in
   * words; those that it certainly holds come first.
   */
  readonly hidden: readonly string[];
  /** The certain ones among `hidden`. */
  readonly certainlyHidden: readonly string[];
  /**
   * The packet sockets that some process shows, and this one does not, by their links. A ring that
   * shows nowhere may use them: `ring_without_trace.ts`.
   */
  readonly ofOthers: readonly string[];
  /**
   * Why descriptors of the process may be packet sockets that are not among `states`; empty if none
   * can be.
   */
  readonly missing: readonly string[];
  /**
   * The places that could not be seen, and where the process could hide a packet socket. Processes
   * whose descriptors cannot be searched are not among them: what they may hold is in `hidden`.
   */
  readonly unseenPlaces: readonly string[];
  /** Other sockets of the process by which forged packets can be sent, in words. */
  readonly otherSenders: readonly string[];
  /** Everything that could not be seen, these two included, each with the reason. */
  readonly unseen: readonly string[];
}

/** What a stopped process shows, and the answers of its threads. */
export interface AskedThread {
  readonly tid: number;
  readonly credentials: ThreadCredentials;
  /**
   * Its filters, the oldest first: classic BPF programs. Empty if they cannot be read, although
   * `credentials.seccomp` is 2; `notAsked` says why.
   */
  readonly filters: readonly Uint8Array<ArrayBuffer>[];
  /**
   * Its answers through its filters. A call that was not asked is missing: its credentials answer
   * it already, or a filter would do worse than refuse.
   */
  readonly asItIs: Partial<Answers>;
  /** Its answers beneath its filters; empty for a thread without filters. */
  readonly beneath: Partial<Answers>;
  /** Why calls were not asked, one sentence each. */
  readonly notAsked: readonly string[];
  /** Its parent-death signal; 0 for none; undefined if it was not asked. */
  readonly parentDeathSignal: number | undefined;
  /**
   * Whether it has ever used an io_uring (Linux 5.18: earlier kernels say that none has); undefined
   * if it was not asked.
   */
  readonly usedRing: boolean | undefined;
}

/** The result of asking. */
export interface AskedDaemon {
  readonly threads: readonly AskedThread[];
  /** How long the process stood still, in milliseconds. */
  readonly stopped: number;
}

/** Everything that was seen of a process. */
export interface Subject {
  readonly daemon: SeenDaemon;
  readonly sockets: readonly SocketState[];
  /** Undefined unless it was asked. */
  readonly asked: AskedDaemon | undefined;
}

/** What refuses an operation. */
export type Wall =
  /** The credentials of the threads: uids, capabilities, no_new_privs, dumpable. */
  | "credential"
  /** A filter of system calls. */
  | "filter"
  /** A locked socket filter. */
  | "lock"
  /** The membership in a fanout group. */
  | "pin"
  /** A namespace or root folder in which the object is not there. */
  | "namespace"
  /** A resource limit. */
  | "limit"
  /** The kernel itself: the object, or this kernel, does not offer it. */
  | "kernel";

/** What an operation would do if the process tried it. */
export interface Prediction {
  /** `allowed`, `no effect`, the name of an errno, `killed`, or `cannot tell`. */
  readonly outcome: string;
  /** What refuses it; null unless something does. */
  readonly wall: Wall | null;
  /** The rule of the filter, the reason why it cannot be told, or another remark; null for none. */
  readonly reason: string | null;
}

export { CANNOT_TELL } from "../evidence/evidence.ts";
