import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import {
  AF_PACKET,
  AF_UNIX,
  close,
  dup,
  Errno,
  errnoOf,
  getsockoptInt,
  MSG_DONTWAIT,
  PACKET_VERSION,
  PacketRing,
  type PacketRingGeometry,
  pageSize,
  poll,
  POLLIN,
  recv,
  requireGeometry,
  setUpPacketRing,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_RAW,
  socket,
  SOL_PACKET,
  SystemError,
  tearDownPacketRing,
  tpacket_block_desc,
} from "../../../ffi/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { inNamespace } from "../../support/programs.ts";
import { leavingNothingOpen, type Scope } from "../descriptors.ts";
import { mappedAt, sharedWithKernel } from "../mappings.ts";
import { command } from "../programs.ts";

const PAGE = pageSize();
const GEOMETRY: PacketRingGeometry = { blockSize: 4 * PAGE, blockCount: 3, retireTimeout: 10 };

/** Runs a program beside a new veth pair and returns the JSON that it prints. */
async function resultInNamespace(program: string, args: readonly string[] = []) {
  const { code, stdout, stderr } = await inNamespace(command(program, args));
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return JSON.parse(stdout);
}

function trafficTest(name: string, test: () => Promise<void>): void {
  testNeeding({ root: true, programs: { ip: "iproute2", setpriv: "util-linux" } }, name, test);
}

/** A test with a packet socket that receives nothing. Afterwards nothing is open or mapped. */
function socketTest(name: string, test: (packetFd: number, scope: Scope) => void): void {
  testNeeding(
    { root: true },
    name,
    leavingNothingOpen((scope) => {
      assertEquals(sharedWithKernel(), []);
      test(scope.own(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)), scope);
      assertEquals(sharedWithKernel(), []);
    }),
  );
}

trafficTest(
  "PacketRing goes round its blocks: every frame once, in order, with its time",
  async () => {
    assertEquals(await resultInNamespace("ffi/packet/programs/ring_goes_round.ts"), {
      asSent: 3000,
      missing: 0,
      wronglyStamped: 0,
      wentRound: true,
      more: false,
      dropped: 0,
    });
  },
);

trafficTest(
  "PacketRing hands over a partly filled block when its timeout expires, and not before",
  async () => {
    assertEquals(await resultInNamespace("ffi/packet/programs/ring_times_out.ts"), {
      soon: { asSent: 30, woken: 10 },
      late: { early: [0, false], full: true },
    });
  },
);

trafficTest(
  "PacketRing truncates a frame that does not fit into a block, and returns its whole length",
  async () => {
    const { sizes, seen } = await resultInNamespace("ffi/packet/programs/ring_cuts.ts");
    // packet_mmap: a block contains its header and the headers of the frames.
    const largest = 4096 - tpacket_block_desc.size - 82;
    assertEquals(
      seen,
      sizes.map((length: number) => ({
        length,
        captured: Math.min(length, largest),
        asSent: true,
      })),
    );
  },
);

trafficTest(
  "PacketRing.vlan is the tag that the kernel removed",
  async () => {
    const tags = [
      [0x8100, 5],
      null,
      [0x88a8, 5],
      [0x8100, 0xe000 | 4094], // the highest priority
      [0x88a8, 0xf000 | 1], // and drop eligible
      [0x8100, 0xa000], // a priority without a VLAN
      [0x8100, 0],
      null,
    ];
    assertEquals(
      await resultInNamespace("ffi/packet/programs/ring_vlan.ts", [JSON.stringify(tags)]),
      tags.map((vlan) => ({ vlan, wasRemoved: true, isRestored: true })),
    );
  },
);

trafficTest(
  "A full PacketRing loses as many frames as the kernel counts, and then continues",
  async () => {
    const round = {
      accountedFor: true,
      both: true,
      disordered: 0,
      more: false,
      recovered: 100,
      droppedLater: 0,
    };
    assertEquals(await resultInNamespace("ffi/packet/programs/ring_full.ts"), [
      round,
      round,
      round,
    ]);
  },
);

trafficTest("PacketRing loses nothing to signals in poll()", async () => {
  assertEquals(await resultInNamespace("ffi/packet/programs/ring_interrupted.ts"), {
    asSent: 300,
    more: false,
  });
});

trafficTest(
  "PacketRing maps a ring that another process has set up, with its frames",
  async () => {
    assertEquals(await resultInNamespace("ffi/packet/programs/ring_in_two_processes.ts"), {
      asSent: 100,
      more: false,
    });
  },
);

trafficTest("PacketRing continues with the oldest block that was not given back", async () => {
  const { first, start, rest } = await resultInNamespace("ffi/packet/programs/ring_resumed.ts");
  assertEquals(first, Array.from({ length: 10 }, (_, i) => i));
  assert(start <= 10 && start > 10 - 4, `continues with frame ${start}`);
  assertEquals(rest, Array.from({ length: 40 - start }, (_, i) => start + i));
});

for (
  const [what, change] of [
    ["a block size that is not a multiple of the page size", { blockSize: PAGE + 16 }],
    ["blocks smaller than a page", { blockSize: PAGE / 2 }],
    ["a block size of 0", { blockSize: 0 }],
    ["a negative block size", { blockSize: -PAGE }],
    ["a fractional block size", { blockSize: PAGE + 0.5 }],
    ["a block size of NaN", { blockSize: NaN }],
    ["an infinite block size", { blockSize: Infinity }],
    ["no blocks", { blockCount: 0 }],
    ["a negative number of blocks", { blockCount: -1 }],
    ["a fractional number of blocks", { blockCount: 1.5 }],
    ["a ring that is too large in total", { blockSize: 1 << 20, blockCount: 4096 }],
    ["a block that is too large", { blockSize: 2 ** 32, blockCount: 1 }],
    ["a retire timeout of 0", { retireTimeout: 0 }],
    ["a negative retire timeout", { retireTimeout: -1 }],
    ["a fractional retire timeout", { retireTimeout: 0.5 }],
    ["a retire timeout that is too long", { retireTimeout: 2 ** 31 }],
  ] as const
) {
  Deno.test(`requireGeometry() throws RangeError for ${what}, before any system call`, () => {
    const geometry = { ...GEOMETRY, ...change };
    // Descriptor -1: a system call would fail with EBADF.
    for (
      const attempt of [
        () => requireGeometry(geometry),
        () => setUpPacketRing(-1, geometry),
        () => new PacketRing(-1, geometry),
      ]
    ) assertThrows(attempt, RangeError);
  });
}

Deno.test("requireGeometry() accepts the smallest ring, and the largest that the kernel can count", () => {
  requireGeometry({ blockSize: PAGE, blockCount: 1, retireTimeout: 1 });
  requireGeometry({ blockSize: 1 << 20, blockCount: 4095, retireTimeout: 0x7fffffff });
});

socketTest(
  "setUpPacketRing() throws SystemError for a ring that the kernel refuses, and leaves the socket usable",
  (fd) => {
    // The kernel keeps the block size in an int, in which this is negative.
    const geometry = { blockSize: 2 ** 31, blockCount: 1, retireTimeout: 10 };
    const error = assertThrows(() => setUpPacketRing(fd, geometry), SystemError);
    assertEquals([error.syscall, error.code], ["setsockopt", "EINVAL"]);
    assert(
      error.message.startsWith("Cannot set up a packet ring of 1 blocks of 2147483648 bytes: "),
    );
    assertEquals(errnoOf(() => recv(fd, new Uint8Array(1), MSG_DONTWAIT)), Errno.EAGAIN);
    setUpPacketRing(fd, GEOMETRY);
    using ring = new PacketRing(fd, GEOMETRY);
    assertEquals(sharedWithKernel().length, 1);
    assertEquals([ring.bytes.length, ring.next()], [3 * 4 * PAGE, false]);
  },
);

socketTest(
  "setUpPacketRing() throws SystemError for a descriptor that is not a packet socket",
  (_, scope) => {
    const unix = scope.own(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    for (const [fd, code] of [[unix, "EOPNOTSUPP"], [0, "ENOTSOCK"], [9999, "EBADF"]] as const) {
      const error = assertThrows(() => setUpPacketRing(fd, GEOMETRY), SystemError);
      assertEquals([error.syscall, error.code], ["setsockopt", code]);
    }
  },
);

socketTest(
  "setUpPacketRing() throws EBUSY if there already is a ring, mapped or not, which stays",
  (fd) => {
    setUpPacketRing(fd, GEOMETRY);
    assertEquals(errnoOf(() => setUpPacketRing(fd, GEOMETRY)), Errno.EBUSY);
    using ring = new PacketRing(fd, GEOMETRY);
    assertEquals(errnoOf(() => setUpPacketRing(fd, GEOMETRY)), Errno.EBUSY);
    assertEquals(ring.next(), false);
  },
);

for (
  const [what, change] of [
    ["fewer blocks", { blockCount: 2 }],
    ["more blocks", { blockCount: 4 }],
    ["smaller blocks", { blockSize: PAGE }],
    ["larger blocks", { blockSize: 64 * PAGE }],
  ] as const
) {
  socketTest(
    `PacketRing throws EINVAL for a ring that was set up with ${what}, and maps nothing`,
    (fd) => {
      setUpPacketRing(fd, { ...GEOMETRY, ...change });
      const error = assertThrows(() => new PacketRing(fd, GEOMETRY), SystemError);
      assertEquals([error.syscall, error.code], ["mmap", "EINVAL"]);
      assert(error.message.startsWith("Cannot map the packet ring: "));
      assertEquals(sharedWithKernel(), []);
      using _ring = new PacketRing(fd, { ...GEOMETRY, ...change });
    },
  );
}

socketTest("PacketRing throws EINVAL if no ring was set up", (fd) => {
  assertEquals(errnoOf(() => new PacketRing(fd, GEOMETRY)), Errno.EINVAL);
});

socketTest("PacketRing can be mapped by several holders of the socket at once", (fd, scope) => {
  setUpPacketRing(fd, GEOMETRY);
  const copy = scope.own(dup(fd));
  using first = new PacketRing(fd, GEOMETRY);
  using second = new PacketRing(copy, GEOMETRY);
  assertEquals(sharedWithKernel().length, 2);
  first.bytes[GEOMETRY.blockSize - 1] = 99;
  assertEquals(second.bytes[GEOMETRY.blockSize - 1], 99, "the same memory");
  first.close();
  assertEquals([first.bytes.at(GEOMETRY.blockSize - 1), sharedWithKernel().length], [0, 1]);
  assertEquals(errnoOf(() => tearDownPacketRing(fd)), Errno.EBUSY, "one is left");
});

socketTest(
  "PacketRing.close() removes the mapping, and the cursor then finds no frame",
  (fd) => {
    setUpPacketRing(fd, GEOMETRY);
    const ring = new PacketRing(fd, GEOMETRY);
    assertEquals(mappedAt(ring.bytes).length, 1);
    ring.close();
    ring.close();
    ring[Symbol.dispose]();
    assertEquals(sharedWithKernel(), []);
    assert(!mappedAt(ring.bytes).includes("hole"));
    assertEquals(ring.next(), false);
    assertEquals([ring.length, ring.captured, ring.vlan], [0, 0, undefined]);
  },
);

socketTest(
  "tearDownPacketRing() throws EBUSY while a ring is mapped, and then removes the ring",
  (fd) => {
    tearDownPacketRing(fd); // without a ring it does nothing
    setUpPacketRing(fd, GEOMETRY);
    {
      using _ring = new PacketRing(fd, GEOMETRY);
      assertEquals(errnoOf(() => tearDownPacketRing(fd)), Errno.EBUSY);
    }
    tearDownPacketRing(fd);
    assertEquals(errnoOf(() => new PacketRing(fd, GEOMETRY)), Errno.EINVAL);
    const other = { blockSize: PAGE, blockCount: 1, retireTimeout: 1 };
    setUpPacketRing(fd, other);
    using _ring = new PacketRing(fd, other);
  },
);

socketTest(
  "PacketRing outlives the descriptor of its socket",
  (_, scope) => {
    const fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    setUpPacketRing(fd, GEOMETRY);
    using ring = new PacketRing(fd, GEOMETRY);
    close(fd);
    assertEquals([ring.next(), sharedWithKernel().length], [false, 1]);
    const [silent] = scope.pair();
    assertEquals(silent, fd, "the number of the descriptor is free");
    assertEquals(poll([silent], POLLIN, 0), [0]);
    assertNotEquals(errnoOf(() => getsockoptInt(fd, SOL_PACKET, PACKET_VERSION)), 0);
  },
);
