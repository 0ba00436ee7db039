/**
 * The kernel may refuse what a way of receiving is made of, or say that it did it and not have done so. A filter of system calls plays the
 * one, strace the other.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { TestsAhead } from "../support/ahead.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { FDPASS, refusing } from "./here.ts";

const tests = new TestsAhead();

const root = { root: true, programs: { ip: "iproute2" } };
const strace = { root: true, programs: { ip: "iproute2", strace: "strace" } };

const SOL_PACKET = 263, PACKET_RX_RING = 5, PACKET_VERSION = 10;
const REGISTER_FILES = 2, REGISTER_PERSONALITY = 9, REGISTER_RESTRICTIONS = 11;
const REGISTER_ENABLE = 12, REGISTER_PBUF_RING = 22;
const MAP_SHARED_FIXED = 0x11;

/** What is refused, what is run, and what the report must name. */
const REFUSALS: [
  syscall: string,
  errno: string,
  when: Record<number, number>,
  args: string[],
  message: RegExp,
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
  ["recvfrom", "ENOMEM", { 3: 0x60 }, ["--receive", "recvfrom"], /recvfrom: .*\(ENOMEM\)/], // MSG_DONTWAIT | MSG_TRUNC
  ["io_uring_enter", "EINVAL", {}, ["-e", "io-uring"], /io_uring_enter: .*\(EINVAL\)/],
  ["io_uring_enter", "EPERM", {}, ["--receive", "io-uring"], /io_uring_enter: .*\(EPERM\)/],
  [
    ...["io_uring_enter", "EPERM"] as const,
    {},
    ["--receive", "io-uring-multishot", "--harden"],
    /io_uring_enter: .*\(EPERM\)/,
  ],
  ...([REGISTER_FILES, REGISTER_RESTRICTIONS, REGISTER_ENABLE] as const).flatMap((operation) =>
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
    { 1: REGISTER_PBUF_RING },
    ["--receive", "io-uring-multishot"],
    /Cannot make an io_uring to receive by: io_uring_register: .*\(EINVAL\)/,
  ],
  [
    ...["io_uring_register", "EINVAL"] as const,
    { 1: REGISTER_PERSONALITY },
    ["-e", "io-uring"],
    /io_uring_register: .*\(EINVAL\)/,
  ],
];

for (const [syscall, errno, when, args, message] of REFUSALS) {
  const what = `${syscall}(${Object.values(when).join(", ")})`;
  tests.add(root, `${args.join(" ")}: ${what} refused with ${errno} is no PASS`, async () => {
    const outcome = await inNamespace([
      ...[...refusing(syscall, errno, when), ...FDPASS],
      ...["--json", "-t", "30", ...args, "veth-fdpass"],
    ], { timeout: 60_000 });
    const { verdict, exit, experiments: [{ error, conclusion, checks }] } = evidenceIn(outcome);
    assertEquals([verdict, exit, outcome.code], ["FAIL", 1, 1]);
    assertMatch(error ?? "", message);
    assertEquals(conclusion, null);
    assert(checks.some(({ status }) => status === "fail"));
  });
}

/** The lie, what is run, and what the report must name, if there is something to name. */
const LIES: [inject: string, args: string[], cause: RegExp][] = [
  // A ring that is none: before anything is begun there is no answer, and later a refutation.
  ["io_uring_setup:retval=99", ["-e", "io-uring"], /EBADF/],
  ["io_uring_setup:retval=99:when=2+", ["-e", "io-uring"], /./],
  ["io_uring_setup:error=ENOMEM", ["-e", "io-uring"], /io_uring_setup: .*\(ENOMEM\)/],
  ["io_uring_setup:error=ENOMEM:when=2+", ["-e", "io-uring"], /io_uring_setup: .*\(ENOMEM\)/],
  ["io_uring_setup:error=ENOMEM:when=3+", ["-e", "io-uring"], /io_uring_setup: .*\(ENOMEM\)/],
  // Nothing is submitted, and said to be.
  ["io_uring_enter:retval=0", ["-t", "10", "-e", "io-uring"], /./],
  ["io_uring_enter:retval=1", ["-t", "10", "-e", "io-uring"], /./],
  ["io_uring_enter:retval=0", ["-t", "5", "--receive", "io-uring"], /./],
  ["io_uring_enter:retval=64", ["-t", "5", "--receive", "io-uring"], /./],
  ["io_uring_enter:retval=1", ["-t", "5", "--receive", "io-uring-multishot"], /./],
  // Nothing is registered, restricted or enabled.
  ["io_uring_register:retval=0", ["-e", "io-uring"], /./],
  ["io_uring_register:retval=0", ["--receive", "io-uring"], /io_uring_enter: .*\(EBADFD\)/],
  ["io_uring_register:retval=0", ["--receive", "io-uring", "--harden"], /\(EBADFD\)/],
  // No ring is set up, and no option set.
  [
    "setsockopt:retval=0",
    ["--receive", "tpacket-v3"],
    /Cannot map the packet ring: mmap: .*EINVAL/,
  ],
  [
    "setsockopt:retval=0",
    ["-e", "receive-paths", "--receive", "tpacket-v3"],
    /setsockopt: .*of buffer/,
  ],
  // Nothing is received.
  ["recvmmsg:error=EAGAIN", ["-t", "5", "--receive", "recvmmsg"], /./],
  ["recvmmsg:error=ENOMEM", ["--receive", "recvmmsg"], /recvmmsg: .*\(ENOMEM\)/],
];

function underLyingKernel(inject: string, args: readonly string[]) {
  const lying = ["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", `inject=${inject}`];
  return inNamespace(
    [
      ...lying,
      ...FDPASS,
      "--json",
      ...args.includes("-t") ? [] : ["-t", "60"],
      ...args,
      "veth-fdpass",
    ],
    { timeout: 120_000 },
  );
}

for (const [inject, args, cause] of LIES) {
  tests.add(strace, `${args.join(" ")}: a kernel of ${inject} gets no PASS`, async () => {
    const outcome = await underLyingKernel(inject, args);
    const { verdict, exit, experiments: [{ checks, error, conclusion }] } = evidenceIn(outcome);
    assert(verdict !== "PASS" && conclusion === null, verdict);
    assertEquals([outcome.code, [1, 4].includes(exit)], [exit, true]);
    const open = checks.filter(({ status }) => status !== "pass");
    assertMatch([error, ...open.map(({ observed }) => observed)].join("\n"), cause);
  });
}

tests.add(strace, "A kernel that tells the truth under strace is believed: PASS", async () => {
  const outcome = await underLyingKernel("sethostname:retval=0", [
    ...["-e", "io-uring", "-e", "receive-paths", "--harden"],
  ]);
  assertEquals([evidenceIn(outcome).verdict, outcome.code], ["PASS", 0]);
});
