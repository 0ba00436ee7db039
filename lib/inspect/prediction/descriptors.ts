/**
 * The rules for operations on descriptors: copies of the socket, new sockets and files, and
 * descriptors that nobody closed.
 *
 * @module
 */

import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  O_CLOEXEC,
  O_CREAT,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  RLIMIT_NOFILE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from "../../../ffi/abi/constants.ts";
import type { InspectedDescriptor } from "../../evidence/inspected.ts";
import type { OperationName } from "../../evidence/operations.ts";
import { type Call, call, NULL, POINTER } from "./calls.ts";
import { passes } from "./filter_wall.ts";
import { nextDescriptor, onSocket, openingCalls, rule } from "./packet_socket.ts";
import { cannotTell, type KernelAnswer, refused, type Rule, step, type View } from "./rule.ts";

/** How many free descriptors count as a hoard. */
const HOARD = 64;

/** Returns the kernel's answer to a call that takes some new descriptors. */
export function room(view: View, wanted: number): KernelAnswer {
  const { daemon: { descriptorLimit, shown }, surroundings: { mostDescriptors } } = view;
  if (descriptorLimit === undefined) return cannotTell("its limit of descriptors cannot be read");
  const open = shown.descriptors.filter(({ tids }) => tids.length === 0).map(({ fd }) => fd);
  const free = (limit: number) =>
    limit - open.filter((fd) => fd < limit).length - shown.descriptors_left_out;
  if (free(descriptorLimit) >= wanted) return undefined;
  if (mostDescriptors !== undefined && free(mostDescriptors) >= wanted) {
    const raise = passes(view.thread.filters, RAISING);
    if (raise === true) return undefined;
    if (typeof raise === "string") return cannotTell(raise);
  }
  return refused("EMFILE", "limit", `RLIMIT_NOFILE is ${descriptorLimit}`);
}

/** The calls that raise the soft limit to the hard one. */
const RAISING: readonly Call[] = [
  call("prlimit64", 0, RLIMIT_NOFILE, POINTER, NULL),
  call("setrlimit", RLIMIT_NOFILE, POINTER),
];

/** Returns the calls that make a copy of the socket. */
function copying(view: View): Call[] {
  const free = nextDescriptor(view);
  return [
    ...onSocket(view, "dup"),
    ...onSocket(view, "dup2", free),
    ...onSocket(view, "dup3", free, 0),
    ...onSocket(view, "fcntl", F_DUPFD, 0n),
    ...onSocket(view, "fcntl", F_DUPFD_CLOEXEC, 0n),
  ];
}

/** A descriptor that is open for writing, as far as anyone may have forgotten it. */
interface Forgotten {
  readonly fd: number;
  readonly doubt?: string;
}

/**
 * Returns the descriptors that are open for writing and lead out of the process: files, and pipes
 * that are not its standard output. A pipe of which it also holds the other end may be its own.
 */
function forgottenDescriptors({ daemon }: View): Forgotten[] {
  const { descriptors } = daemon.shown;
  const standard = descriptors.filter(({ fd }) => fd <= 2).map(({ refers_to }) => refers_to);
  const isWritable = ({ access }: InspectedDescriptor) =>
    access === "write" || access === "read and write";
  return descriptors
    .filter((descriptor) => descriptor.fd > 2 && isWritable(descriptor))
    .filter(({ refers_to }) => !standard.includes(refers_to) && refers_to !== "/dev/null")
    .flatMap(({ fd, refers_to }): Forgotten[] => {
      if (refers_to.startsWith("/memfd:")) {
        return [{ fd, doubt: `descriptor ${fd} is memory that others may share` }];
      }
      if (refers_to.startsWith("/")) return [{ fd }];
      if (!refers_to.startsWith("pipe:")) return [];
      const isOwn = descriptors.some((other) =>
        other.refers_to === refers_to && other.access === "read"
      );
      return [isOwn ? { fd, doubt: `descriptor ${fd} may be a pipe of its own` } : { fd }];
    });
}

const writing = (fd: number): Call[] => [
  call("write", fd, POINTER, 1n),
  call("writev", fd, POINTER, 1n),
  call("pwrite64", fd, POINTER, 1n, 0n),
];

const OPENING_FLAGS = [
  O_WRONLY | O_CLOEXEC,
  O_RDWR | O_CLOEXEC,
  O_WRONLY,
  O_RDWR,
  O_WRONLY | O_CREAT | O_TRUNC,
];

/** The rules, by the name of the operation. */
export const DESCRIPTOR_RULES = {
  "duplicate": rule((view) => [
    [step(copying(view), room(view, 1))],
    [
      step([call("pidfd_open", view.daemon.pid, 0)]),
      step(
        view.socket.fds.map((fd) => call("pidfd_getfd", nextDescriptor(view), fd, 0)),
        room(view, 2),
      ),
    ],
  ]),
  "hoard": rule((view) => [[step(copying(view), room(view, HOARD))]]),
  "socketpair": {
    needsSocket: false,
    ways: (view) => [[
      step(
        [SOCK_SEQPACKET | SOCK_CLOEXEC, SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM].map((type) =>
          call("socketpair", AF_UNIX, type, 0, POINTER)
        ),
        room(view, 2),
      ),
    ]],
  },
  "udp-socket": {
    needsSocket: false,
    ways: (view) => [[
      step(
        [AF_INET, AF_INET6].flatMap((family) =>
          [SOCK_DGRAM | SOCK_CLOEXEC, SOCK_DGRAM].map((type) => call("socket", family, type, 0))
        ),
        room(view, 1),
      ),
    ]],
  },
  "forgotten-descriptor": {
    needsSocket: false,
    ways: (view) => {
      const forgotten = forgottenDescriptors(view);
      if (forgotten.length === 0) {
        const none = view.daemon.shown.descriptors_left_out > 0
          ? cannotTell("not all of its descriptors were looked at")
          : refused("EBADF", "kernel", "no descriptor leads to another process or to a file");
        return [[step(writing(nextDescriptor(view)), none)]];
      }
      return forgotten.map(({ fd, doubt }) => [
        step(writing(fd), doubt === undefined ? undefined : cannotTell(doubt)),
      ]);
    },
  },
  "open-for-writing": {
    needsSocket: false,
    ways: (view) => [[
      step(
        OPENING_FLAGS.flatMap(openingCalls),
        room(view, 1) ??
          (view.surroundings.hasNullDevice === true
            ? undefined
            : cannotTell("whether its root folder has a file that it may write is not known")),
      ),
    ]],
  },
} satisfies { readonly [name in OperationName]?: Rule };
