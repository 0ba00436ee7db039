/**
 * Operations on descriptors: copies of the socket, new sockets and files, and a descriptor that the
 * parent forgot to close.
 *
 * @module
 */

import {
  AF_INET,
  AF_UNIX,
  O_CLOEXEC,
  O_WRONLY,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
} from "../../../../ffi/abi/constants.ts";
import { close, dup, write } from "../../../../ffi/process/descriptor.ts";
import { open } from "../../../../ffi/process/file.ts";
import { socket, socketpair } from "../../../../ffi/socket/calls.ts";
import type { Operation } from "../operation.ts";

/** How many copies of the socket a hoard has: more than a worker's limit leaves room for. */
const HOARD = 64;

/** The operations that a worker may try with descriptors. */
export const DESCRIPTOR_OPERATIONS: readonly Operation[] = [
  {
    name: "duplicate",
    plain: "allowed",
    attempt: ({ packetFd }) => close(dup(packetFd)),
  },
  {
    name: "hoard",
    plain: "allowed",
    under: { "resource-limits": "EMFILE" },
    attempt: ({ packetFd }) => {
      const hoard: number[] = [];
      try {
        while (hoard.length < HOARD) hoard.push(dup(packetFd));
      } finally {
        hoard.forEach(close);
      }
    },
  },
  {
    name: "socketpair",
    plain: "allowed",
    attempt: () => socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0).forEach(close),
  },
  {
    name: "udp-socket",
    plain: "allowed",
    attempt: () => close(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
  },
  {
    name: "forgotten-descriptor",
    plain: "allowed",
    under: { "closed-descriptors": "EBADF", "receive-only": "allowed" },
    hardened: "EBADF",
    attempt: ({ forgottenFd }) => void write(forgottenFd, Uint8Array.of(0)),
  },
  {
    name: "open-for-writing",
    plain: "allowed",
    attempt: () => close(open("/dev/null", O_WRONLY | O_CLOEXEC)),
  },
];
