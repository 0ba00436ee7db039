/**
 * Operations by io_uring and eBPF: interfaces by which the kernel itself works for a process.
 *
 * @module
 */

import { SO_ATTACH_BPF, SOL_SOCKET } from "../../../../ffi/abi/constants.ts";
import { SystemError } from "../../../../ffi/abi/errno.ts";
import { io_uring_params } from "../../../../ffi/abi/layouts.ts";
import { rawSyscall } from "../../../../ffi/abi/raw_syscall.ts";
import { bpfSocketFilter } from "../../../../ffi/packet/ebpf.ts";
import { close } from "../../../../ffi/process/descriptor.ts";
import { setsockopt } from "../../../../ffi/socket/calls.ts";
import { sendByIoUring } from "../attacks.ts";
import type { EarlyRings } from "../../../confine/early_rings.ts";
import { allowsUnprivilegedBpf, ringOutcome, whyNoRing } from "../environment.ts";
import { NOT_TRIED } from "../../../evidence/evidence.ts";
import type { Attacker, Operation } from "../operation.ts";
import { markedFrame } from "../../../packets/marks.ts";

/** Returns an attempt that is made only where rings can be made. */
const withRings =
  (attempt: (rings: EarlyRings, attacker: Attacker) => boolean) => (attacker: Attacker) => {
    const { rings } = attacker;
    return rings === null || rings instanceof SystemError ? NOT_TRIED : attempt(rings, attacker);
  };

/** Returns an attempt to open root's file by a ring made before the drop. */
const byEarlyRing = (open: (rings: EarlyRings) => number | undefined) =>
  withRings((rings) => {
    const fd = open(rings);
    if (fd === undefined) return false;
    close(fd);
    return true;
  });

/** The operations that a worker may try by io_uring and eBPF. */
export const KERNEL_INTERFACE_OPERATIONS: readonly Operation[] = [
  {
    name: "io-uring",
    plain: ringOutcome,
    attempt: () => close(rawSyscall("io_uring_setup", 4, io_uring_params.alloc().bytes)),
  },
  {
    name: "io-uring-send",
    whyNotTried: whyNoRing,
    plain: ringOutcome,
    witness: "far",
    attempt: withRings((_rings, { packetFd, layer }) =>
      sendByIoUring(packetFd, markedFrame("io-uring-send", layer))
    ),
  },
  {
    name: "early-ring",
    whyNotTried: whyNoRing,
    plain: "EACCES",
    under: { "closed-descriptors": "EBADF" },
    hardened: "EPERM",
    hardenedWithRing: "no effect",
    attempt: byEarlyRing((rings) => rings.plainly("open")),
  },
  {
    name: "early-personality",
    whyNotTried: whyNoRing,
    plain: "allowed",
    under: { "closed-descriptors": "EBADF" },
    hardened: "EPERM",
    hardenedWithRing: "no effect",
    attempt: byEarlyRing((rings) => rings.asPersonality("open")),
  },
  {
    name: "early-polled-ring",
    whyNotTried: whyNoRing,
    plain: "allowed",
    under: { "closed-descriptors": "no effect", "receive-only": "allowed" },
    hardened: "no effect",
    attempt: byEarlyRing((rings) => rings.byPolling("open")),
  },
  {
    name: "ebpf",
    plain: () => allowsUnprivilegedBpf() ? "allowed" : "EPERM",
    under: { "locked-filter": "EPERM" },
    attempt: ({ packetFd }) => {
      const programFd = bpfSocketFilter();
      try {
        setsockopt(packetFd, SOL_SOCKET, SO_ATTACH_BPF, programFd);
      } finally {
        close(programFd);
      }
    },
  },
];
