import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/evidence/errors.ts";
import { findLink, isInterfaceName } from "../../lib/host/interfaces.ts";
import { testNeeding } from "../support/needs.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { inNamespace, type Outcome, runProgram } from "../support/programs.ts";
import { FDPASS, here, NOT_ROOT, WITHOUT_NET_RAW } from "./here.ts";

/** Arguments, and what the message must name. All exit with status 2. */
const WRONG: [what: string, args: string[], message: RegExp][] = [
  ["no interface", [], /No interface given.*"ip link".*scripts\/netns\.sh makes one/],
  ["two interfaces", ["lo", "eth0"], /Give one interface, not 2: "lo", "eth0"/],
  [
    "an interface that does not exist",
    ["nosuch0"],
    /"nosuch0".*ENODEV.*"ip link".*scripts\/netns\.sh makes one/,
  ],
  ["a name of 15 bytes that does not exist", ["a".repeat(15)], /ENODEV/],
  ["a long name that does not exist", ["a".repeat(127)], /"a{127}": RTM_GETLINK: .*ENODEV/],
  ["a name of 128 bytes", ["a".repeat(128)], /"a{128}" is not an interface name.*1 to 15.*127/],
  ["a name of 10,000 bytes", ["a".repeat(10_000)], /is not an interface name/],
  ["an empty name", [""], /"" is not an interface name/],
  ["a name with a slash", ["a/b"], /"a\/b" is not an interface name/],
  ["a path", ["../lo"], /is not an interface name/],
  ["a name with a newline", ["lo\n"], /"lo\\n" is not an interface name/],
  ["a name with an escape", ["\x1b[31mlo"], /"\\u001b\[31mlo" is not an interface name/],
  ["a name beyond ASCII", ["vethé"], /"vethé" is not an interface name/],
  ["an unknown long option", ["--jsno", "lo"], /Unknown option "--jsno".*--json/],
  ["an unknown option with a value", ["--timout=3", "lo"], /Unknown option "--timout".*--timeout/],
  ["an unknown letter", ["-x", "lo"], /Unknown option "-x": --help lists all options/],
  ["no value at the end", ["--report"], /--report needs a value/],
  ["an option that took the interface", ["--report", "lo"], /"lo" is the value of --report/],
  ["an option of another experiment", ["--kills", "3", "lo"], /--kills.*supervisor.*not run/],
  ["an unknown option beside --help", ["--help", "--bogus"], /Unknown option "--bogus"/],
  ["an unknown experiment", ["-e", "privilege-drp", "lo"], /"privilege-drp".*privilege-drop/],
  [
    "an unknown way of receiving",
    ["--receive", "tpacket", "lo"],
    /"tpacket" is not a receive path: did you mean tpacket-v3\?/,
  ],
  ["a way that is not given", ["lo", "--receive"], /--receive needs a value/],
  ["two ways", ["--receive=recvmsg", "--receive=io-uring", "lo"], /--receive is given 2 times/],
  ["no packets", ["-n", "0", "lo"], /--count.*whole number from 1 to.*"0"/],
  ["-1 packets", ["-n", "-1", "lo"], /--count.*whole number from 1 to.*"-1"/],
  ["-1 packets, in one word", ["--count=-1", "lo"], /--count.*whole number from 1 to.*"-1"/],
  ["abc packets", ["-n", "abc", "lo"], /--count.*"abc"/],
  ["1e9 packets", ["-n", "1e9", "lo"], /--count.*"1e9"/],
  ["too many packets", ["-n", "1000000000", "lo"], /--count.*to 100000, not "1000000000"/],
  ["half a packet", ["-n", "1.5", "lo"], /--count.*"1.5"/],
  ["two numbers of packets", ["-n", "5", "-n", "6", "lo"], /--count.*2 times/],
  ["a number that is not given", ["lo", "-n"], /--count needs a value/],
  ["a number that is empty", ["-n", "", "lo"], /--count needs a value/],
  ["no time", ["-t", "0", "lo"], /--timeout.*seconds above 0.*"0"/],
  ["nan seconds", ["-t", "nan", "lo"], /--timeout.*"nan"/],
  ["-1 seconds", ["-t", "-1", "lo"], /--timeout.*seconds above 0.*"-1"/],
  ["for ever", ["-t", "Infinity", "lo"], /--timeout.*"Infinity"/],
  ["a user that does not exist", ["-u", "nosuchuser", "lo"], /--user.*no user "nosuchuser"/],
  ["a group that does not exist", ["-u", "12345:nosuch", "lo"], /--user.*no group "nosuch"/],
  ["a number of no user, without a group", ["-u", "12345", "lo"], /--user.*12345:GROUP/],
  ["root", ["-u", "root", "lo"], /--user.*root.*proves nothing/],
  ["uid 0", ["-u", "0", "lo"], /--user.*user id 0 is root/],
  ["uid 0, written otherwise", ["-u", "000:12345", "lo"], /--user.*user id 0 is root/],
  ["uid 0 and gid 0", ["-u", "0:0", "lo"], /--user.*user id 0 is root/],
  ["the group root", ["-u", "12345:root", "lo"], /--user.*group id 0 is root/],
  ["gid 0", ["-u", "12345:0", "lo"], /--user.*group id 0 is root/],
  ["the uid that changes nothing", ["-u", "4294967295", "lo"], /--user.*4294967295.*out of range/],
  ["the gid that changes nothing", ["-u", "1:4294967295", "lo"], /--user.*out of range/],
  ["a uid that wraps to 0", ["-u", "4294967296:1", "lo"], /--user.*out of range/],
  ["a negative uid", ["--user=-1", "lo"], /--user.*"-1"/],
  ["an empty user", ["-u", "", "lo"], /--user needs a value/],
  ["no group after the colon", ["-u", "12345:", "lo"], /--user.*USER:GROUP/],
  [
    "a stimulus that does not exist",
    ["--stimulus", "nosuch0", "lo"],
    /inject frames on "nosuch0".*ENODEV/,
  ],
  ["a stimulus that is no name", ["--stimulus", "a/b", "lo"], /--stimulus.*"a\/b"/],
];

function assertRefused({ code, stdout, stderr }: Outcome, exit: number, message: RegExp): void {
  assertMatch(stderr, message);
  assertMatch(stderr, /^fdpass: [^\n]+\n(?: {2}[^\n]+\n)?$/, "one line, and perhaps a remedy");
  assertEquals([code, stdout], [exit, ""]);
}

const tests = new TestsAhead();

for (const [what, args, message] of WRONG) {
  tests.add({}, `Bad input: ${what} is refused with exit 2`, async () => {
    assertRefused(await here(args), 2, message);
  });
}

/** Runs fdpass by a shell: `$0` and `$@` are fdpass and its arguments. */
const shell = (text: string) => ["sh", "-c", text, ...FDPASS];

Deno.test("Bad input: a name that is not UTF-8 is refused with exit 2", async () => {
  const outcome = await runProgram("sh", shell(`exec "$0" "$@" "$(printf 'lo\\377')"`).slice(1));
  assertRefused(outcome, 2, /is not an interface name/);
});

Deno.test("Bad input: a name with a NUL is refused", () => {
  for (const name of ["lo\0", "\0", "lo\0/../x"]) {
    assertEquals(isInterfaceName(name), false);
    assertThrows(() => findLink(name, "Interface"), UsageError, "is not an interface name");
  }
  assertEquals(isInterfaceName("lo"), true);
});

Deno.test("main.ts on standard input cannot start its child: exit 2", async () => {
  const [deno] = FDPASS;
  const outcome = await runProgram("sh", ["-c", `exec "$0" run -A - lo <main.ts`, deno]);
  assertRefused(outcome, 2, /not started from a file.*cannot start itself again/);
});

/**
 * Places where the question cannot be answered: how fdpass is run there, and what the message must
 * name.
 */
const PLACES: [what: string, run: () => Promise<Outcome>, message: RegExp][] = [
  [
    "not root",
    () => here(["-n", "7", "lo"], NOT_ROOT),
    /uid 65534 without CAP_NET_RAW, CAP_SETUID, CAP_SETGID: .*\n {2}sudo \/.*\/deno run -A main.ts -n 7 lo\n/,
  ],
  [
    "root without CAP_NET_RAW",
    () => here(["lo"], WITHOUT_NET_RAW),
    /Root without CAP_NET_RAW\n {2}.*CAP_NET_RAW/,
  ],
  [
    "a user namespace in which nobody is not mapped",
    () =>
      here(["lo"], [
        ...["unshare", "--user", "--map-root-user", "--net"],
        ...["sh", "-c", 'ip link set lo up; exec "$0" "$@"'],
      ]),
    /uid 65534 is not mapped in this user namespace.*EINVAL.*\n {2}.*--user/,
  ],
  [
    "an interface that is down",
    () => inNamespace([...shell('ip link set veth-fdpass down; exec "$0" "$@"'), "veth-fdpass"]),
    /"veth-fdpass" is down.*ENETDOWN.*\n {2}ip link set veth-fdpass up\n/,
  ],
  [
    "a stimulus that is down",
    () =>
      inNamespace([...shell('ip link set veth-fdpass-far down; exec "$0" "$@"'), "veth-fdpass"]),
    /"veth-fdpass-far" is down.*ENETDOWN.*\n {2}ip link set veth-fdpass-far up\n/,
  ],
  [
    "an interface without a carrier",
    () => {
      const args = ["--stimulus", "none", "veth-fdpass"];
      return inNamespace([...shell('ip link set veth-fdpass-far down; exec "$0" "$@"'), ...args]);
    },
    /"veth-fdpass" has no carrier: no packet can be received\n {2}Connect its other end/,
  ],
];

for (const [what, run, message] of PLACES) {
  testNeeding({ root: true, programs: { ip: "iproute2" } }, `${what}: exit 4`, async () => {
    const started = performance.now();
    assertRefused(await run(), 4, message);
    assert(performance.now() - started < 9000, "it does not wait for the timeout of 10 s");
  });
}

testNeeding(
  { root: true },
  "Frames injected at the interface itself are refused: exit 2",
  async () => {
    const outcome = await inNamespace([...FDPASS, "--stimulus", "veth-fdpass", "veth-fdpass"]);
    assertRefused(outcome, 2, /--stimulus.*name its peer/);
  },
);

/**
 * Runs fdpass under strace. Returns the programs that it started and the packet sockets that it
 * asked for.
 */
async function footprint(args: string[], run: typeof runProgram | typeof inNetns = runProgram) {
  const trace = await Deno.makeTempFile();
  try {
    const calls = "trace=execve,execveat,fork,vfork,clone,clone3,socket";
    await run("strace", ["-f", "--seccomp-bpf", "-o", trace, "-e", calls, ...FDPASS, ...args]);
    const lines = (await Deno.readTextFile(trace)).split("\n");
    return {
      programs: lines.filter((line) => /execve(at)?\(.*/.test(line)).length,
      forks: lines.filter((line) =>
        /(fork|clone3?)\(/.test(line) && !/CLONE_THREAD/.test(line)
      ).length,
      packetSockets: lines.filter((line) => /socket\(AF_PACKET/.test(line)).length,
    };
  } finally {
    await Deno.remove(trace);
  }
}

const inNetns = (program: string, args: readonly string[]) => inNamespace([program, ...args]);
const strace = { root: true, programs: { strace: "strace" } };

testNeeding(strace, "Bad input starts no child and opens no packet socket", async () => {
  const waiting = [...WRONG];
  await Promise.all([1, 2].map(async () => {
    for (let next; (next = waiting.pop()) !== undefined;) {
      const [what, args] = next;
      assertEquals(await footprint(args), { programs: 1, forks: 0, packetSockets: 0 }, what);
    }
  }));
});

testNeeding(
  strace,
  "A good run shows the child and the packet socket that bad input must not",
  async () => {
    const { programs, forks, packetSockets } = await footprint(["veth-fdpass"], inNetns);
    // setpriv for its version, cat, and the setpriv that becomes the child
    assertEquals([programs, forks], [5, 3]);
    assert(packetSockets >= 2, `${packetSockets} packet sockets`);
  },
);
