/**
 * The descriptors of another process, seen from outside: what each refers to, and its kind.
 *
 * A link in `/proc/PID/fd` shows that a descriptor is a socket, but not which kind of socket. So
 * the parent takes a copy of each socket (pidfd_getfd(2)), examines it, and closes it.
 *
 * @module
 */

import { AF_UNIX, SO_DOMAIN, SOL_SOCKET } from "../../../ffi/abi/constants.ts";
import { Errno, errnoOf, SystemError } from "../../../ffi/abi/errno.ts";
import { readTextFile } from "../../../ffi/process/file.ts";
import { copyDescriptor } from "../../../ffi/process/pidfd.ts";
import { openDescriptors, unlessGone } from "../../../ffi/process/proc.ts";
import { getpeername, getsockoptInt, peerPid } from "../../../ffi/socket/calls.ts";
import { ExperimentError } from "../../evidence/errors.ts";
import { inFlightIn } from "./fdinfo.ts";

/** The kinds of descriptor that a child may hold; `unknown` for all others. */
export type DescriptorKind =
  | "null"
  | "output"
  | "eventpoll"
  | "eventfd"
  | "channel"
  | "pair"
  | "packet"
  | "connected"
  | "io_uring"
  | "unknown";

/** A descriptor of another process. */
export interface SeenDescriptor {
  readonly fd: number;
  /** The link of `/proc/PID/fd`, such as `anon_inode:[eventpoll]`. */
  readonly refersTo: string;
  readonly kind: DescriptorKind;
  /** The number of descriptors in flight in its queue (`scm_fds` in its fdinfo). */
  readonly inFlight: number;
}

/**
 * The most descriptors examined. A child has a few dozen; thousands would only slow the look down.
 */
const DESCRIPTOR_LIMIT = 4096;

/**
 * Lists the descriptors of a child, with the link of each.
 *
 * @throws {SystemError} `ENOENT` if there is no such process, or no /proc; `EACCES` without
 * CAP_SYS_PTRACE.
 * @throws {ExperimentError} If there are too many.
 */
export function childDescriptors(pid: number): Map<number, string> {
  try {
    return openDescriptors(pid, DESCRIPTOR_LIMIT);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ExperimentError(`The child has ${error.message}`);
  }
}

/** Links that the parent knows, by which it recognises the child's descriptors. */
export interface Reference {
  /** The links of all packet sockets in the namespace. */
  readonly packetSockets: ReadonlySet<string>;
  /**
   * The links of this process's own descriptors, among them the other ends of the child's output.
   */
  readonly ownLinks: ReadonlySet<string>;
}

/**
 * Examines every descriptor of a process, which should be stopped.
 *
 * @throws {SystemError} `EPERM` or `EACCES` without CAP_SYS_PTRACE.
 * @throws {ExperimentError} If there are too many.
 */
export function examineDescriptors(pid: number, reference: Reference): SeenDescriptor[] {
  return [...childDescriptors(pid)].map(([fd, refersTo]) => {
    const kind = kindOf(pid, fd, refersTo, reference);
    return { fd, refersTo, kind, inFlight: refersTo.startsWith("socket:") ? inFlight(pid, fd) : 0 };
  });
}

/**
 * The device number of /dev/null, 1:3 in the kernel's encoding.
 * Source: Documentation/admin-guide/devices.txt.
 */
const NULL_DEVICE = 0x103;

function kindOf(
  pid: number,
  fd: number,
  refersTo: string,
  { packetSockets, ownLinks }: Reference,
): DescriptorKind {
  if (refersTo === "anon_inode:[eventpoll]") return "eventpoll";
  if (refersTo === "anon_inode:[eventfd]") return "eventfd";
  if (refersTo === "anon_inode:[io_uring]") return "io_uring";
  if (refersTo.startsWith("pipe:")) return ownLinks.has(refersTo) ? "output" : "unknown";
  if (refersTo === "/dev/null") {
    return Deno.statSync(`/proc/${pid}/fd/${fd}`).rdev === NULL_DEVICE ? "null" : "unknown";
  }
  if (packetSockets.has(refersTo)) return "packet";
  return refersTo.startsWith("socket:") ? kindOfSocket(pid, fd) : "unknown";
}

/** The errnos of getpeername(2) for a socket without a peer, and for a family that has no peers. */
const NOT_CONNECTED: readonly number[] = [Errno.ENOTCONN, Errno.EOPNOTSUPP];

function kindOfSocket(pid: number, fd: number): DescriptorKind {
  using copy = copyDescriptor(pid, fd);
  const errno = errnoOf(() => getpeername(copy.fd));
  if (NOT_CONNECTED.includes(errno)) return "unknown";
  if (errno !== 0) throw new SystemError("getpeername", errno);
  if (getsockoptInt(copy.fd, SOL_SOCKET, SO_DOMAIN) !== AF_UNIX) return "connected";
  const maker = peerPid(copy.fd); // SO_PEERCRED: the process that made the pair
  if (maker === Deno.pid) return "channel";
  return maker === pid ? "pair" : "unknown";
}

/** Returns the number of descriptors in flight in a socket's queue; 0 before Linux 5.11. */
function inFlight(pid: number, fd: number): number {
  const info = unlessGone(() => readTextFile(`/proc/${pid}/fdinfo/${fd}`)) ?? "";
  return inFlightIn(info) ?? 0;
}
