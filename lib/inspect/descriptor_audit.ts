/**
 * The audit of a process's descriptors: what each refers to, with what access, and why it may be there.
 *
 * What cannot be explained is not assumed to be harmless: it has no `why`.
 *
 * @module
 */

import { AF_UNIX, SO_DOMAIN, SOL_SOCKET } from "../../ffi/abi/constants.ts";
import { descriptorAccess } from "../../ffi/process/descriptor.ts";
import { openDescriptors } from "../../ffi/process/proc.ts";
import { getsockoptInt, peerPid } from "../../ffi/socket/calls.ts";

/** A descriptor, explained or not. */
export interface AuditedDescriptor {
  readonly fd: number;
  /** What `/proc/self/fd` says that it is, such as `anon_inode:[eventpoll]`. */
  readonly refersTo: string;
  /** `r`, `w`, `rw`, or `path` for one that can be neither read nor written. */
  readonly access: "r" | "w" | "rw" | "path";
  /** Why it may be there; `undefined` if nothing is known that explains it. */
  readonly why: string | undefined;
}

/** The descriptors that the process was given or made on purpose. */
export interface KnownDescriptors {
  readonly channelFd: number;
  readonly packetFd?: number;
  /** The connected UDP socket by which a worker of a relay sends. */
  readonly egressFd?: number | undefined;
  /** What the worker waits at for frames: an io_uring, or the passed socket itself. */
  readonly sourceFd?: number;
}

/**
 * Every descriptor of this process.
 *
 * @throws {SystemError} If /proc cannot be read.
 */
export function auditDescriptors(
  { channelFd, packetFd, egressFd, sourceFd }: KnownDescriptors,
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

/** Whether a socket is one of a Unix pair that this process made itself (`SO_PEERCRED` names who made it). */
function isOwnPair(fd: number): boolean {
  return getsockoptInt(fd, SOL_SOCKET, SO_DOMAIN) === AF_UNIX && peerPid(fd) === Deno.pid;
}
