/**
 * The rules for operations on descriptors: copies of the socket, new sockets and files, and
 * descriptors that nobody closed.
 *
 * @module
 */

import {
  AF_INET,
  AF_INET6,
  O_CLOEXEC,
  O_CREAT,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from "../../../ffi/abi/constants.ts";
import type { InspectedDescriptor } from "../../evidence/inspected.ts";
import type { OperationName } from "../../evidence/operations.ts";
import { type Call, call, POINTER } from "./calls.ts";
import { room } from "./room.ts";
import { cannotTell, refused, type Rule, step, type View } from "./rule.ts";
import {
  copying,
  duplicating,
  nextDescriptor,
  onPacketSocket,
  openingCalls,
  pairing,
} from "./socket_steps.ts";

/** How many free descriptors count as a hoard. */
const HOARD = 64;

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
  "duplicate": onPacketSocket(copying),
  "hoard": onPacketSocket((view) => [[step(duplicating(view), room(view, HOARD))]]),
  "socketpair": {
    needsSocket: false,
    ways: (view) => [[
      step(
        pairing(),
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
