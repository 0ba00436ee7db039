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
  SOCK_DGRAM,
} from "../../../ffi/abi/constants.ts";
import type { OperationName } from "../../evidence/operations.ts";
import { any, type Call, call, POINTER } from "./calls.ts";
import { room } from "./room.ts";
import { cannotTell, refused, type Rule, step } from "./rule.ts";
import {
  copying,
  duplicating,
  onPacketSocket,
  openingCalls,
  pairing,
  typed,
} from "./socket_steps.ts";
import { tableOf } from "./table.ts";

/** How many free descriptors count as a hoard. */
const HOARD = 64;

const writing = (fd: number): Call[] => [
  call("write", fd, POINTER, any(1)),
  call("writev", fd, POINTER, any(1)),
  call("pwrite64", fd, POINTER, any(1), any(0)),
];

const NONE_FORGOTTEN = refused(
  "EBADF",
  "kernel",
  "no descriptor leads to another process or to a file",
);

const CREATING = [O_CLOEXEC, 0, O_CREAT | O_TRUNC];

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
          typed(SOCK_DGRAM).map((type) => call("socket", family, type, any(0)))
        ),
        room(view, 1),
      ),
    ]],
  },
  "forgotten-descriptor": {
    needsSocket: false,
    ways: (view) => {
      const { forgotten, isCut, next } = tableOf(view.daemon);
      const more = isCut ? [[step([], cannotTell("it has too many descriptors"))]] : [];
      if (forgotten.length === 0) return [[step(writing(next), NONE_FORGOTTEN)], ...more];
      return [
        ...forgotten.map(({ fd, refersTo, doubt }) => {
          const answer = doubt === undefined ? undefined : cannotTell(doubt);
          return [step(writing(fd), answer, `descriptor ${fd}: ${refersTo}`)];
        }),
        ...more,
      ];
    },
  },
  "open-for-writing": {
    needsSocket: false,
    ways: (view) => [[
      step(
        [O_WRONLY, O_RDWR].flatMap((access) => openingCalls(access, CREATING)),
        room(view, 1) ??
          (view.surroundings.hasNullDevice === true
            ? undefined
            : cannotTell("whether its root folder has a file that it may write is not known")),
      ),
    ]],
  },
} satisfies { readonly [name in OperationName]?: Rule };
