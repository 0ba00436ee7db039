/**
 * The sockets of another process, examined by copies of their descriptors, one at a time. A copy
 * (pidfd_getfd(2)) is closed again at once; while it is open, the socket has one holder more.
 *
 * @module
 */

import {
  AF_INET,
  AF_INET6,
  AF_PACKET,
  AF_UNIX,
  AF_XDP,
  SO_DOMAIN,
  SO_TYPE,
  SOCK_RAW,
  SOL_SOCKET,
} from "../../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import type { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { readDirectory, readLink, readTextFile } from "../../../ffi/process/file.ts";
import { copyDescriptorOf, openProcess, openThread } from "../../../ffi/process/pidfd.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import { getsockoptInt } from "../../../ffi/socket/calls.ts";
import type { InspectedDescriptor } from "../../evidence/inspected.ts";
import { inFlightIn } from "../descriptors/fdinfo.ts";
import { listed } from "../listed.ts";
import { readSocketOptions, type SocketOptions } from "./socket_options.ts";

/** A packet socket, as a copy of its descriptor shows it. */
export interface CopiedSocket {
  readonly link: string;
  /** The descriptors that refer to it. */
  readonly descriptors: readonly InspectedDescriptor[];
  /** A thread in whose table the first of them is. */
  readonly tid: number;
  readonly options: SocketOptions;
}

/** A Unix socket that has descriptors in flight in its queue. */
export interface FilledQueue {
  readonly link: string;
  readonly fd: number;
  /** The number of descriptors in flight: `scm_fds` in proc_pid_fdinfo(5). */
  readonly count: number;
}

/** A socket that could not be examined. It may be a packet socket. */
export interface Failure {
  readonly link: string;
  /** Whether its descriptors have been closed meanwhile, or refer to something else. */
  readonly isGone: boolean;
  /** Which descriptor it is, and why it could not be examined. */
  readonly reason: string;
}

/** The result of the examination. */
export interface CopiedSockets {
  readonly packetSockets: readonly CopiedSocket[];
  /** The links of all sockets that were examined, of whatever family. */
  readonly examined: ReadonlySet<string>;
  readonly failures: readonly Failure[];
  /** The number of packet sockets above the limit. */
  readonly left: number;
  readonly queues: readonly FilledQueue[];
  /** Other sockets by which forged packets can be sent, in words. */
  readonly otherSenders: readonly string[];
  /** Why queues could not be examined. */
  readonly unseen: readonly string[];
}

/** The most packet sockets that are examined. */
export const PACKET_SOCKET_LIMIT = 1024;

/**
 * Examines the sockets among the descriptors of a process.
 *
 * @param pid The process.
 * @param descriptors Its descriptors, also those of threads that have a table of their own.
 * @param examine Called for each packet socket while its copy is open.
 * @throws {SystemError} `ESRCH` if the process has ended, `EMFILE`, …
 */
export function copySockets(
  pid: number,
  descriptors: readonly InspectedDescriptor[],
  examine: (copyFd: number, link: string) => void,
): CopiedSockets {
  using tables = new Tables(pid);
  const packetSockets: CopiedSocket[] = [];
  const examined = new Set<string>();
  const failures: Failure[] = [];
  const queues: FilledQueue[] = [];
  const otherSenders: string[] = [];
  const unseen = new Set<string>();
  let left = 0;
  // O_PATH refers to the name of a socket only.
  const isSocket = ({ refers_to, access }: InspectedDescriptor) =>
    refers_to.startsWith("socket:[") && access !== "path";
  for (const [link, group] of Map.groupBy(descriptors.filter(isSocket), (each) => each.refers_to)) {
    using copy = tables.copy(link, group, (failure) => failures.push(failure));
    if (copy === undefined) continue;
    const domain = domainOf(copy);
    if (domain === undefined) {
      failures.push({ link, isGone: false, reason: `descriptor ${group[0].fd} (${link}): O_PATH` });
      continue;
    }
    examined.add(link);
    const sender = senderOf(copy, domain);
    if (sender !== undefined) otherSenders.push(`descriptor ${group[0].fd} is ${sender}`);
    if (domain === AF_UNIX) {
      const count = inFlightIn(readTextFile(`/proc/self/fdinfo/${copy.fd}`));
      if (count === undefined) unseen.add(IN_FLIGHT_UNSEEN);
      else if (count > 0) queues.push({ link, fd: group[0].fd, count });
    } else if (domain === AF_PACKET) {
      if (packetSockets.length === PACKET_SOCKET_LIMIT) {
        left++;
        continue;
      }
      examine(copy.fd, link);
      const tid = group[0].tids[0] ?? tables.tid;
      packetSockets.push({ link, descriptors: group, tid, options: readSocketOptions(copy.fd) });
    }
  }
  return {
    packetSockets,
    examined,
    failures,
    left,
    queues,
    otherSenders: listed(otherSenders),
    unseen: [...unseen],
  };
}

/** Returns a socket that sends forged packets, and is no packet socket: raw(7), AF_XDP. */
function senderOf(copy: OwnedFd, domain: number): string | undefined {
  if (domain === AF_XDP) return "an AF_XDP socket, by which it may send frames";
  if (domain !== AF_INET && domain !== AF_INET6) return undefined;
  return getsockoptInt(copy.fd, SOL_SOCKET, SO_TYPE) === SOCK_RAW
    ? "a raw socket, by which it may send packets"
    : undefined;
}

/** Returns the family of a socket; undefined for a descriptor by O_PATH. */
function domainOf(copy: OwnedFd): number | undefined {
  try {
    return getsockoptInt(copy.fd, SOL_SOCKET, SO_DOMAIN);
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.EBADF) return undefined;
    throw error;
  }
}

const IN_FLIGHT_UNSEEN = "the number of descriptors in flight: it needs Linux 5.11";

/** The most descriptors of threads that are kept open. */
const THREAD_LIMIT = 64;

/** The tables of descriptors of a process: its own, and those of its threads. */
class Tables implements Disposable {
  readonly #process: OwnedFd;
  readonly #threads = new Map<number, OwnedFd>();

  /** A thread that shares the table of the process: the first one that has not ended. */
  readonly tid: number;

  constructor(readonly pid: number) {
    this.#process = openProcess(pid);
    const has = (tid: number) => {
      const names = unlessGone(() => readDirectory(`/proc/${pid}/task/${tid}/fd`));
      return names !== undefined && names.length > 0;
    };
    const tids = unlessGone(() => readDirectory(`/proc/${pid}/task`)) ?? [];
    this.tid = [pid, ...tids.map(Number)].find(has) ?? pid;
  }

  /**
   * Copies a socket, by the first of its descriptors that still refers to it.
   *
   * @param failed Called if none does.
   */
  copy(
    link: string,
    descriptors: readonly InspectedDescriptor[],
    failed: (failure: Failure) => void,
  ): OwnedFd | undefined {
    let isGone = true;
    let reason = "";
    for (const { fd, tids: [tid] } of descriptors) {
      try {
        const copy = copyDescriptorOf(this.#table(tid ?? this.tid), fd);
        if (readLink(`/proc/self/fd/${copy.fd}`) === link) return copy;
        copy.close();
        reason = "it changed while it was looked at";
      } catch (error) {
        if (!(error instanceof SystemError) || !isAboutOne(error, tid)) throw error;
        isGone &&= error.errno === Errno.EBADF || error.errno === Errno.ESRCH;
        reason = error.message;
      }
    }
    const [{ fd, tids: [tid] }] = descriptors;
    const owner = tid === undefined ? "" : ` of thread ${tid}`;
    failed({ link, isGone, reason: `descriptor ${fd}${owner} (${link}): ${reason}` });
  }

  #table(tid: number): OwnedFd {
    if (tid === this.pid) return this.#process;
    const known = this.#threads.get(tid);
    if (known !== undefined) return known;
    if (this.#threads.size === THREAD_LIMIT) this.#closeThreads();
    const thread = openThread(tid);
    this.#threads.set(tid, thread);
    return thread;
  }

  #closeThreads(): void {
    this.#threads.values().forEach((thread) => thread.close());
    this.#threads.clear();
  }

  [Symbol.dispose](): void {
    this.#closeThreads();
    this.#process.close();
  }
}

/** Whether an error is about a descriptor or a thread, not about the process or about this one. */
function isAboutOne({ errno }: SystemError, tid: number | undefined): boolean {
  if (errno === Errno.ESRCH) return tid !== undefined;
  return errno !== Errno.EMFILE && errno !== Errno.ENOMEM;
}
