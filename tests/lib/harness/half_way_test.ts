/**
 * Code that fails half-way through its set-up leaves nothing behind. Each test makes one system
 * call fail.
 */

import { assertEquals, assertThrows } from "@std/assert";
import {
  AF_PACKET,
  IORING_REGISTER_FILES,
  IORING_REGISTER_PERSONALITY,
  PACKET_IGNORE_OUTGOING,
  setUpPacketRing,
  SO_TIMESTAMPNS,
  SOCK_CLOEXEC,
  SOCK_RAW,
  socket,
  type SyscallName,
  syscallNumber,
  SystemError,
} from "../../../ffi/mod.ts";
import { EarlyRings } from "../../../lib/confine/early_rings.ts";
import { whyNoOwnRings } from "../../../lib/host/kernel.ts";
import { openPacketSocket } from "../../../lib/packets/socket.ts";
import { openFrameSource } from "../../../lib/receive/mod.ts";
import { WORKER_RING } from "../../../lib/receive/tpacket_v3.ts";
import { RING_SOURCES } from "../../../lib/experiments/io_uring/operations.ts";
import { leavingNothingOpen } from "../../ffi/descriptors.ts";
import { withFailing } from "../../ffi/failing.ts";
import { sharedWithKernel } from "../../ffi/mappings.ts";
import { testNeeding } from "../../support/needs.ts";

const root = { root: true };

/** Asserts that `begin` throws, because `syscall` failed with `EBADF`. */
function assertFails(begin: () => unknown, syscall: string): void {
  const error = assertThrows(begin, SystemError);
  assertEquals([error.syscall, error.code], [syscall, "EBADF"]);
}

for (const option of [SO_TIMESTAMPNS, PACKET_IGNORE_OUTGOING]) {
  testNeeding(
    root,
    `openPacketSocket() leaves nothing open if it cannot set option ${option}`,
    leavingNothingOpen(() =>
      withFailing(
        "setsockopt",
        (_fd, _level, name) => name === option,
        () => assertFails(openPacketSocket, "setsockopt"),
      )
    ),
  );
}

testNeeding(
  root,
  "tpacket-v3 removes a ring that it cannot map from a socket that others share",
  leavingNothingOpen((scope) => {
    const packetFd = scope.own(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    withFailing(
      "mmap",
      (_address, _length, _access, _flags, fd) => fd === packetFd,
      () => assertFails(() => openFrameSource("tpacket-v3", packetFd), "mmap"),
    );
    assertEquals(sharedWithKernel(), []);
    setUpPacketRing(packetFd, WORKER_RING); // fails with EBUSY if there still is a ring
  }),
);

/** A system call of io_uring. */
interface RingCall {
  readonly name: SyscallName & `io_uring_${string}`;
  /** The opcode of an io_uring_register(2) call; any if left out. */
  readonly opcode?: number;
  /** Which of these calls fails, counted from 1; the first if left out. */
  readonly turn?: number;
}

const SET_UPS: readonly [name: string, fails: RingCall, begin: (packetFd: number) => unknown][] = [
  ["io-uring", { name: "io_uring_enter" }, (fd) => openFrameSource("io-uring", fd)],
  [
    "io-uring-multishot",
    { name: "io_uring_enter" },
    (fd) => openFrameSource("io-uring-multishot", fd),
  ],
  [
    "RECV, registered file",
    { name: "io_uring_register", opcode: IORING_REGISTER_FILES },
    RING_SOURCES["RECV, registered file"],
  ],
  [
    "EarlyRings without a personality",
    { name: "io_uring_register", opcode: IORING_REGISTER_PERSONALITY },
    () => new EarlyRings(),
  ],
  [
    "EarlyRings without a polled ring",
    { name: "io_uring_setup", turn: 2 },
    () => new EarlyRings(),
  ],
];

const reason = whyNoOwnRings();

for (const [setUp, { name, opcode, turn = 1 }, begin] of SET_UPS) {
  const criterion = `${setUp}: leaves nothing open if ${name} fails`;
  if (reason !== undefined) Deno.test.ignore(`${criterion} # SKIP ${reason}`, () => {});
  else {
    testNeeding(
      root,
      criterion,
      leavingNothingOpen((scope) => {
        const packetFd = scope.own(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
        let calls = 0;
        withFailing(
          "syscall",
          (number, _first, second) =>
            number === BigInt(syscallNumber(name)!) &&
            (opcode === undefined || second === BigInt(opcode)) && ++calls === turn,
          () => assertFails(() => begin(packetFd), name),
        );
      }),
    );
  }
}
