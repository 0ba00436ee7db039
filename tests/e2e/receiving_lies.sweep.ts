/**
 * A kernel that refuses what a receive path needs, or reports a success that did not happen. A
 * filter of system calls plays the first, a stand-in for libc the second.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Errno } from "../../ffi/mod.ts";
import {
  IORING_REGISTER_ENABLE_RINGS,
  IORING_REGISTER_FILES,
  IORING_REGISTER_PBUF_RING,
  IORING_REGISTER_PERSONALITY,
  IORING_REGISTER_RESTRICTIONS,
  MAP_FIXED,
  MAP_SHARED,
  PACKET_RX_RING,
  PACKET_VERSION,
  SOL_PACKET,
} from "../../ffi/abi/constants.ts";
import { answered } from "../wrong_answers/stand_in/answered.ts";
import type { Answering } from "../wrong_answers/stand_in/stand_in.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { FDPASS, refusing } from "./here.ts";

const tests = new TestsAhead();

const root = { root: true, programs: { ip: "iproute2" } };

const MAP_SHARED_FIXED = MAP_SHARED | MAP_FIXED;

/**
 * The refused call, the arguments of the run, what the report must name, and the verdict if it is
 * not INCONCLUSIVE: root makes no such call itself, so it cannot excuse the child.
 */
const REFUSALS: [
  syscall: string,
  errno: string,
  when: Record<number, number>,
  args: string[],
  message: RegExp,
  verdict?: "FAIL",
][] = [
  [
    ...["setsockopt", "ENOMEM"] as const,
    { 1: SOL_PACKET, 2: PACKET_RX_RING },
    ["--receive", "tpacket-v3"],
    /Cannot set up a packet ring of .* setsockopt: .*\(ENOMEM\)/,
  ],
  [
    ...["setsockopt", "EINVAL"] as const,
    { 1: SOL_PACKET, 2: PACKET_VERSION },
    ["--receive", "tpacket-v3", "--harden"],
    /Cannot set up a packet ring of .* setsockopt: .*\(EINVAL\)/,
  ],
  [
    ...["setsockopt", "ENOMEM"] as const,
    { 1: SOL_PACKET, 2: PACKET_RX_RING },
    ["-e", "receive-paths"],
    /Cannot set up a packet ring of .* setsockopt: .*\(ENOMEM\)/,
  ],
  [
    ...["mmap", "ENOMEM"] as const,
    { 3: MAP_SHARED_FIXED },
    ["--receive", "tpacket-v3"],
    /Cannot map the packet ring: mmap: .*\(ENOMEM\)/,
  ],
  [
    ...["mmap", "EPERM"] as const,
    { 3: MAP_SHARED_FIXED },
    ["-e", "receive-paths", "--receive", "tpacket-v3"],
    /Cannot map the packet ring: mmap: .*\(EPERM\)/,
  ],
  ["recvmmsg", "ENOSYS", {}, ["--receive", "recvmmsg"], /recvmmsg: .*\(ENOSYS\)/],
  // MSG_DONTWAIT | MSG_TRUNC
  ["recvfrom", "ENOMEM", { 3: 0x60 }, ["--receive", "recvfrom"], /recvfrom: .*\(ENOMEM\)/],
  ["io_uring_enter", "EINVAL", {}, ["-e", "io-uring"], /io_uring_enter: .*\(EINVAL\)/],
  ["io_uring_enter", "EPERM", {}, ["--receive", "io-uring"], /io_uring_enter: .*\(EPERM\)/],
  [
    ...["io_uring_enter", "EPERM"] as const,
    {},
    ["--receive", "io-uring-multishot", "--harden"],
    /io_uring_enter: .*\(EPERM\)/,
  ],
  ...([IORING_REGISTER_FILES, IORING_REGISTER_RESTRICTIONS, IORING_REGISTER_ENABLE_RINGS] as const)
    .flatMap((operation) =>
      [["--receive", "io-uring"], ["-e", "io-uring"], ["-e", "receive-paths"]].map((
        args,
      ): typeof REFUSALS[number] => [
        ...["io_uring_register", "EINVAL"] as const,
        { 1: operation },
        args,
        /io_uring_register: .*\(EINVAL\)/,
      ])
    ),
  [
    ...["io_uring_register", "EINVAL"] as const,
    { 1: IORING_REGISTER_PBUF_RING },
    ["--receive", "io-uring-multishot"],
    /Cannot make an io_uring to receive with: io_uring_register: .*\(EINVAL\)/,
  ],
  [
    ...["io_uring_register", "EINVAL"] as const,
    { 1: IORING_REGISTER_PERSONALITY },
    ["-e", "io-uring"],
    /io_uring_register: .*\(EINVAL\)/,
    "FAIL",
  ],
];

for (const [syscall, errno, when, args, message, wanted = "INCONCLUSIVE"] of REFUSALS) {
  const what = `${syscall}(${Object.values(when).join(", ")})`;
  tests.add(root, `${args.join(" ")}: ${what} refused with ${errno}: not a PASS`, async () => {
    const outcome = await inNamespace([
      ...[...refusing(syscall, errno, when), ...FDPASS],
      ...["--json", "-t", "30", ...args, "veth-fdpass"],
    ], { timeout: 60_000 });
    const { verdict, exit, error: failure, experiments } = evidenceIn(outcome);
    const status = wanted === "FAIL" ? 1 : 4;
    assertEquals([verdict, exit, outcome.code], [wanted, status, status]);
    // Where the parent itself makes the call, there is no experiment.
    assertMatch(failure?.message ?? experiments[0].error ?? "", message);
    assertEquals(experiments.map(({ conclusion }) => conclusion).filter(Boolean), []);
    const checks = experiments.flatMap(({ checks }) => checks);
    assertEquals(checks.some(({ status }) => status === "fail"), wanted === "FAIL");
  });
}

/** A call, its answer, and from which turn on it gets that answer. */
type Lie = Pick<Answering, "name" | "answer"> & { readonly turn?: number };

/**
 * The lie, the arguments of the run, and what the report must name, if there is anything to name.
 */
const LIES: [lie: Lie, args: string[], cause: RegExp][] = [
  // A ring that does not exist: at the start there is no answer, and later a refutation.
  [{ name: "io_uring_setup", answer: { result: 99 } }, ["-e", "io-uring"], /EBADF/],
  [{ name: "io_uring_setup", answer: { result: 99 }, turn: 2 }, ["-e", "io-uring"], /./],
  ...[1, 2, 3].map((turn): [Lie, string[], RegExp] => [
    { name: "io_uring_setup", answer: { errno: Errno.ENOMEM }, turn },
    ["-e", "io-uring"],
    /io_uring_setup: .*\(ENOMEM\)/,
  ]),
  // Submits nothing, and reports success.
  [{ name: "io_uring_enter", answer: { result: 0 } }, ["-t", "10", "-e", "io-uring"], /./],
  [{ name: "io_uring_enter", answer: { result: 1 } }, ["-t", "10", "-e", "io-uring"], /./],
  [{ name: "io_uring_enter", answer: { result: 0 } }, ["-t", "5", "--receive", "io-uring"], /./],
  [{ name: "io_uring_enter", answer: { result: 64 } }, ["-t", "5", "--receive", "io-uring"], /./],
  [
    { name: "io_uring_enter", answer: { result: 1 } },
    ["-t", "5", "--receive", "io-uring-multishot"],
    /./,
  ],
  // Registers, restricts and enables nothing.
  [{ name: "io_uring_register", answer: { result: 0 } }, ["-e", "io-uring"], /./],
  [
    { name: "io_uring_register", answer: { result: 0 } },
    ["--receive", "io-uring"],
    /io_uring_enter: .*\(EBADFD\)/,
  ],
  [
    { name: "io_uring_register", answer: { result: 0 } },
    ["--receive", "io-uring", "--harden"],
    /\(EBADFD\)/,
  ],
  // Sets up no ring, and no option.
  [
    { name: "setsockopt", answer: { result: 0 } },
    ["--receive", "tpacket-v3"],
    /Cannot map the packet ring: mmap: .*EINVAL/,
  ],
  [
    { name: "setsockopt", answer: { result: 0 } },
    ["-e", "receive-paths", "--receive", "tpacket-v3"],
    /setsockopt: .*of buffer/,
  ],
  // Receives nothing.
  [
    { name: "recvmmsg", answer: { errno: Errno.EAGAIN } },
    ["-t", "5", "--receive", "recvmmsg"],
    /./,
  ],
  [
    { name: "recvmmsg", answer: { errno: Errno.ENOMEM } },
    ["--receive", "recvmmsg"],
    /recvmmsg: .*\(ENOMEM\)/,
  ],
];

function underLyingKernel({ name, answer, turn = 1 }: Lie, args: readonly string[]) {
  const libc = name.startsWith("io_uring") ? "syscall" : name;
  return answered(
    {
      args: ["--json", ...args.includes("-t") ? [] : ["-t", "60"], ...args, "veth-fdpass"],
      answering: { libc, name, turn, answer },
    },
    [],
    120_000,
  );
}

for (const [lie, args, cause] of LIES) {
  tests.add(
    root,
    `${args.join(" ")}: a kernel that lies ${JSON.stringify(lie)} gets no PASS`,
    async () => {
      const outcome = await underLyingKernel(lie, args);
      const { verdict, exit, experiments: [{ checks, error, conclusion }] } = evidenceIn(outcome);
      assert(verdict !== "PASS" && conclusion === null, verdict);
      assertEquals([outcome.code, [1, 4].includes(exit)], [exit, true]);
      const open = checks.filter(({ status }) => status !== "pass");
      assertMatch([error, ...open.map(({ observed }) => observed)].join("\n"), cause);
    },
  );
}

tests.add(root, "With an honest kernel the same run is PASS", async () => {
  const outcome = await answered(
    {
      args: [
        "--json",
        "-t",
        "60",
        "-e",
        "io-uring",
        "-e",
        "receive-paths",
        "--harden",
        "veth-fdpass",
      ],
    },
    [],
    120_000,
  );
  assertEquals([evidenceIn(outcome).verdict, outcome.code], ["PASS", 0]);
});
