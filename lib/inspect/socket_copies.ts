/**
 * The sockets of another process, examined by copies of their descriptors, one at a time. A copy
 * (pidfd_getfd(2)) is closed again at once; while it is open, the socket has one holder more.
 *
 * @module
 */

import { AF_PACKET, AF_UNIX, SO_DOMAIN, SOL_SOCKET } from "../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import type { OwnedFd } from "../../ffi/process/descriptor.ts";
import { readLink, readTextFile } from "../../ffi/process/file.ts";
import { copyDescriptorOf, openProcess, openThread } from "../../ffi/process/pidfd.ts";
import { getsockoptInt } from "../../ffi/socket/calls.ts";
import type { InspectedDescriptor } from "../evidence/inspected.ts";
import { readSocketOptions, type SocketOptions } from "./socket_options.ts";

/** A packet socket, as a copy of its descriptor shows it. */
export interface CopiedSocket {
  readonly link: string;
  /** The descriptors that refer to it. */
  readonly descriptors: readonly InspectedDescriptor[];
  readonly options: SocketOptions;
}

/** A Unix socket that has descriptors in flight in its queue. */
export interface FilledQueue {
  readonly link: string;
  readonly fd: number;
  /** The number of descriptors in flight: `scm_fds` in proc_pid_fdinfo(5). */
  readonly count: number;
}

/** The result of the examination. */
export interface CopiedSockets {
  readonly packetSockets: readonly CopiedSocket[];
  readonly queues: readonly FilledQueue[];
  /** Descriptors that could not be examined, and why. They may be packet sockets. */
  readonly missing: readonly string[];
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
 * @throws {SystemError} `ESRCH` if the process has ended.
 */
export function copySockets(
  pid: number,
  descriptors: readonly InspectedDescriptor[],
  examine: (copyFd: number, link: string) => void,
): CopiedSockets {
  using tables = new Tables(pid);
  const result = {
    packetSockets: [] as CopiedSocket[],
    queues: [] as FilledQueue[],
    missing: [] as string[],
    unseen: [] as string[],
  };
  const isSocket = ({ refers_to, access }: InspectedDescriptor) =>
    refers_to.startsWith("socket:[") && access !== "path";
  const byLink = Map.groupBy(descriptors.filter(isSocket), ({ refers_to }) => refers_to);
  let left = 0;
  for (const [link, group] of byLink) {
    using copy = tables.copy(link, group, result.missing);
    if (copy === undefined) continue;
    const domain = getsockoptInt(copy.fd, SOL_SOCKET, SO_DOMAIN);
    if (domain === AF_UNIX) examineQueue(copy, link, group[0].fd, result);
    if (domain !== AF_PACKET) continue;
    if (result.packetSockets.length === PACKET_SOCKET_LIMIT) {
      left++;
      continue;
    }
    examine(copy.fd, link);
    result.packetSockets.push({ link, descriptors: group, options: readSocketOptions(copy.fd) });
  }
  if (left > 0) {
    result.missing.push(`${left} more packet sockets than the ${PACKET_SOCKET_LIMIT} examined`);
  }
  return result;
}

/** The tables of descriptors of a process: its own, and those of its threads. */
class Tables implements Disposable {
  readonly #process: OwnedFd;
  readonly #threads = new Map<number, OwnedFd>();

  constructor(pid: number) {
    this.#process = openProcess(pid);
  }

  /**
   * Copies a socket, by the first of its descriptors that still refers to it.
   *
   * @returns `undefined` if none does; the reason is added to `missing`.
   */
  copy(
    link: string,
    descriptors: readonly InspectedDescriptor[],
    missing: string[],
  ): OwnedFd | undefined {
    let reason = "";
    for (const { fd, tids } of descriptors) {
      try {
        const copy = copyDescriptorOf(
          tids.length === 0 ? this.#process : this.#thread(tids[0]),
          fd,
        );
        if (readLink(`/proc/self/fd/${copy.fd}`) === link) return copy;
        copy.close();
        reason = "it changed while it was looked at";
      } catch (error) {
        if (!(error instanceof SystemError) || isOfProcess(error)) throw error;
        reason = error.message;
      }
    }
    const [{ fd, tids }] = descriptors;
    const owner = tids.length === 0 ? "" : ` of thread ${tids[0]}`;
    missing.push(`descriptor ${fd}${owner} (${link}) cannot be examined: ${reason}`);
  }

  #thread(tid: number): OwnedFd {
    const known = this.#threads.get(tid);
    if (known !== undefined) return known;
    if (this.#threads.size === THREAD_LIMIT) this.#close();
    const thread = openThread(tid);
    this.#threads.set(tid, thread);
    return thread;
  }

  #close(): void {
    this.#threads.values().forEach((thread) => thread.close());
    this.#threads.clear();
  }

  [Symbol.dispose](): void {
    this.#close();
    this.#process.close();
  }
}

/** The most descriptors of threads that are kept open. */
const THREAD_LIMIT = 64;

/** Whether the error is about the process as a whole, not about one descriptor or thread. */
function isOfProcess({ errno }: SystemError): boolean {
  return errno === Errno.EMFILE || errno === Errno.ENOMEM;
}

/** The line exists since Linux 5.11. */
function examineQueue(
  copy: OwnedFd,
  link: string,
  fd: number,
  { queues, unseen }: { queues: FilledQueue[]; unseen: string[] },
): void {
  const info = readTextFile(`/proc/self/fdinfo/${copy.fd}`);
  const line = info.match(/^scm_fds:\s*(\d+)$/m);
  if (line === null) {
    if (unseen.length === 0) unseen.push("descriptors in flight, which Linux 5.11 or later counts");
  } else if (line[1] !== "0") queues.push({ link, fd, count: Number(line[1]) });
}
