/**
 * The descriptors of a worker: those that it holds on purpose, and an audit of all that are open.
 *
 * The audit assumes nothing to be harmless: a descriptor that it cannot explain has no `why`.
 *
 * @module
 */

import { AF_UNIX, SO_DOMAIN, SOL_SOCKET } from "../../ffi/abi/constants.ts";
import { descriptorAccess } from "../../ffi/process/descriptor.ts";
import { openDescriptors } from "../../ffi/process/proc.ts";
import { getsockoptInt, peerPid } from "../../ffi/socket/calls.ts";

/** The descriptors that a worker holds on purpose, by their numbers in one process. */
export interface WorkerDescriptors {
  /** The worker's end of the control channel. */
  readonly channelFd: number;
  /** The passed packet socket. */
  readonly packetFd: number;
  /** The connected UDP socket by which the worker of a relay sends. No other worker has one. */
  readonly egressFd?: number | undefined;
  /** The io_uring by which the worker receives. Otherwise it is the packet socket, or left out. */
  readonly sourceFd?: number | undefined;
}

/** An open descriptor, explained or not. */
export interface AuditedDescriptor {
  readonly fd: number;
  /** The link of `/proc/self/fd`, such as `anon_inode:[eventpoll]`. */
  readonly refersTo: string;
  /** `r`, `w`, `rw`, or `path` for a descriptor that can be neither read nor written. */
  readonly access: "r" | "w" | "rw" | "path";
  /** The reason why it may be open; `undefined` if nothing explains it. */
  readonly why: string | undefined;
}

/**
 * Lists every descriptor of this process, each with the reason why a worker may hold it.
 *
 * @throws {SystemError} If /proc cannot be read.
 */
export function auditDescriptors(
  { channelFd, packetFd, egressFd, sourceFd }: WorkerDescriptors,
): AuditedDescriptor[] {
  const open = openDescriptors("self");
  const standard = new Map([[0, "standard input"], [1, "standard output"], [2, "standard error"]]);

  const explain = (fd: number, refersTo: string): string | undefined => {
    if (fd === channelFd) return "its end of the control channel";
    if (fd === packetFd) return "the passed socket";
    if (fd === egressFd) return "the connected UDP socket";
    if (fd === sourceFd) return "the restricted ring by which it receives";
    if (refersTo === "/dev/null") return "/dev/null";
    if (refersTo.startsWith("pipe:")) {
      const [number] = [...standard.keys()].filter((each) =>
        open.get(each) === refersTo && descriptorAccess(each) === descriptorAccess(fd)
      );
      if (number === undefined) return undefined;
      return number === fd ? standard.get(fd) : `the runtime's copy of ${standard.get(number)}`;
    }
    if (refersTo === "anon_inode:[eventpoll]" || refersTo === "anon_inode:[eventfd]") {
      return "the runtime's event loop";
    }
    if (refersTo.startsWith("socket:") && isOwnPair(fd)) return "the runtime's signal pipe";
    return undefined;
  };

  return [...open].map(([fd, refersTo]) => ({
    fd,
    refersTo,
    access: descriptorAccess(fd),
    why: explain(fd, refersTo),
  }));
}

/**
 * Whether a socket is one of a Unix pair that this process made itself (`SO_PEERCRED` names the
 * maker).
 */
function isOwnPair(fd: number): boolean {
  return getsockoptInt(fd, SOL_SOCKET, SO_DOMAIN) === AF_UNIX && peerPid(fd) === Deno.pid;
}
