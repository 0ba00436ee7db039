/** What fails half-way through its set-up leaves nothing behind: one system call of it is made to fail. */

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

/** Begins something that a failing call ends. Its descriptor is of no use, and nobody closes it. */
function assertFails(begin: () => unknown, syscall: string): void {
  const error = assertThrows(begin, SystemError);
  assertEquals([error.syscall, error.code], [syscall, "EBADF"]);
}

for (const option of [SO_TIMESTAMPNS, PACKET_IGNORE_OUTGOING]) {
  testNeeding(
    root,
    `openPacketSocket() leaves nothing open where option ${option} cannot be set`,
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
  "tpacket-v3 takes the ring away from a socket that others hold where it cannot be mapped",
  leavingNothingOpen((scope) => {
    const packetFd = scope.own(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    withFailing(
      "mmap",
      (_address, _length, _access, _flags, fd) => fd === packetFd,
      () => assertFails(() => openFrameSource("tpacket-v3", packetFd), "mmap"),
    );
    assertEquals(sharedWithKernel(), []);
    setUpPacketRing(packetFd, WORKER_RING); // EBUSY where there is one
  }),
);

/** A call of the kernel's io_uring, by its name and, of io_uring_register(2), what is registered. */
interface RingCall {
  readonly name: SyscallName & `io_uring_${string}`;
  readonly opcode?: number;
  /** Which one of them fails. */
  readonly turn?: number;
}

const WAYS: readonly [what: string, fails: RingCall, begin: (packetFd: number) => unknown][] = [
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

for (const [what, { name, opcode, turn = 1 }, begin] of WAYS) {
  const criterion = `${what}: leaves nothing open where ${name} fails`;
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
