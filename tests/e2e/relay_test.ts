/**
 * The results of the experiment `relay`, where it sends, what it refuses to start, and what it
 * leaves behind.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ExperimentEvidence } from "../../lib/evidence/evidence.ts";
import { RECEIVE_PATHS } from "../../lib/receive/mod.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { inNamespace, type Outcome, ROOT } from "../support/programs.ts";
import { FDPASS, here } from "./here.ts";
import { passedIn } from "./passed.ts";
import { assertAnswer, RELAY_SURROUNDINGS } from "./relay_surroundings.ts";

const root = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };
const tests = new TestsAhead();
const PATIENT = { timeout: 120_000 };
const DATAGRAMS = 1573; // every payload size once, and a hundred for the control

/** Runs fdpass after a shell has set up the place. `$0` and `$@` are fdpass and its arguments. */
function inPlace(setUp: string, args: readonly string[], after = ""): Promise<Outcome> {
  const run = ["-t", "60", "-e", "relay", ...args, "veth-fdpass"];
  const script = `${setUp}; "$0" "$@"; status=$?; ${after} exit $status`;
  return inNamespace(["sh", "-c", script, ...FDPASS, ...run], PATIENT);
}

const statusOf = ({ checks }: ExperimentEvidence) =>
  Object.fromEntries(checks.map(({ id, status }) => [id as string, status]));
const evidenceOf = ({ checks }: ExperimentEvidence, id: string) =>
  // deno-lint-ignore no-explicit-any -- its shape is the check's own
  checks.find((check) => check.id === id)!.evidence as any;

/** Asserts that a check was left out, and returns the reason. */
function assertLeftOut({ checks }: ExperimentEvidence, id: string): string {
  const { status, left_out, observed } = checks.find((check) => check.id === id)!;
  assertEquals([status, left_out], ["skip", true]);
  return observed;
}

function assertWhole(experiment: ExperimentEvidence, id: string, datagrams = DATAGRAMS): void {
  const { sent, reached, arrived, lost, again, disordered, foreign } = evidenceOf(experiment, id);
  assertEquals([sent, reached, arrived], [datagrams, datagrams, datagrams]);
  assertEquals([lost, again, disordered, foreign], [0, 0, 0, 0]);
}

tests.add(root, "relay is PASS: a receiver in another namespace gets everything", async () => {
  const experiment = passedIn(await inPlace(":", ["--json"]));
  const statuses = statusOf(experiment);
  assertEquals(Object.values(statuses).filter((status) => status !== "pass"), []);
  assertEquals(Object.keys(statuses).length, 14);
  assertWhole(experiment, "RELAY-05");
  assertWhole(experiment, "RELAY-06");
  const { account, sent } = evidenceOf(experiment, "RELAY-07");
  assertEquals(account.relayed, DATAGRAMS);
  for (const [reason, count] of Object.entries(account.dropped)) {
    assertEquals([reason, count], [reason, sent[reason] ?? 0]);
  }
  const { off, strict } = evidenceOf(experiment, "RELAY-09");
  assertEquals([off.ordinary.lost, off.relay.lost], [0, 0]);
  assertEquals([strict.ordinary.arrived, strict.relay.lost], [0, 0]);
  assert(off.ordinary.sent > 80 && strict.relay.sent > 1400);
  const { outcomes } = evidenceOf(experiment, "RELAY-03").child;
  assert(Object.keys(outcomes).length >= 13);
  assertEquals(new Set(Object.values(outcomes)), new Set(["EPERM"]));
});

for (const path of Object.keys(RECEIVE_PATHS)) {
  tests.add(root, `relay --receive ${path} is PASS`, async () => {
    const experiment = passedIn(await inPlace(":", ["--json", "--receive", path]));
    assertWhole(experiment, "RELAY-06");
  });
}

const ANOTHER_PAIR =
  "ip link add out0 type veth peer name out1; ip address add 203.0.113.1/30 dev out0; " +
  "ip link set out0 up; ip link set out1 up";

tests.add(root, "relay --out sends by that interface, and needs no receiver", async () => {
  const experiment = passedIn(await inPlace(ANOTHER_PAIR, ["--json", "--out", "out0"]));
  assertWhole(experiment, "RELAY-05");
  assertEquals(statusOf(experiment)["RELAY-06"], "skip");
  const { wanted, after } = evidenceOf(experiment, "RELAY-02");
  assertEquals([wanted.interface, after.source.split(":")[0]], ["out0", "203.0.113.1"]);
});

tests.add(root, "relay --from and --to name other groups, ports and one source", async () => {
  const groups = ["--from", "192.0.2.77@232.1.2.3:1234", "--to", "232.192.0.1:65535"];
  const experiment = passedIn(await inPlace(":", ["--json", ...groups]));
  assertEquals(evidenceOf(experiment, "RELAY-01").file, "/proc/net/mcfilter");
  assertEquals(evidenceOf(experiment, "RELAY-02").after.peer, "232.192.0.1:65535");
  assertWhole(experiment, "RELAY-06");
});

tests.add(
  root,
  "relay on lo does not mistake datagrams that this machine sends for received ones",
  async () => {
    const args = ["--json", "-t", "60", "-e", "relay", "--stimulus", "lo", "lo"];
    const experiment = passedIn(await inNamespace([...FDPASS, ...args], PATIENT));
    assertWhole(experiment, "RELAY-06", 356); // of up to 64 KiB
    assertLeftOut(experiment, "RELAY-09");
  },
);

tests.add(root, "relay to the same group and port is no loop in another namespace", async () => {
  const experiment = passedIn(await inPlace(":", ["--json", "--to", "239.255.70.68:5004"]));
  assertWhole(experiment, "RELAY-06");
});

const SETTING = "/proc/sys/net/ipv4/conf";

tests.add(root, "relay leaves rp_filter as it was, and no interface behind", async () => {
  const outcome = await inPlace(
    `echo 2 >${SETTING}/veth-fdpass/rp_filter`,
    ["-q"],
    `cat ${SETTING}/veth-fdpass/rp_filter; ip -o link | grep -c fdp-out;`,
  );
  assertEquals(outcome.stdout, "PASS relay: 14 of 14 checks hold\n2\n0\n");
  assertEquals([outcome.code, outcome.stderr], [0, ""]);
});

tests.add(
  root,
  "relay reports why rp_filter cannot be shown, and is PASS without it",
  async () => {
    const experiment = passedIn(await inPlace(`echo 1 >${SETTING}/all/rp_filter`, ["--json"]));
    assertMatch(assertLeftOut(experiment, "RELAY-09"), /net\.ipv4\.conf\.all\.rp_filter is 1/);
  },
);

/**
 * Sends a signal in the middle of a run. Returns its output, then the setting, the interfaces and
 * the children that are left.
 */
function stopped(signal: string): Promise<Outcome> {
  const script = `set -m # or SIGINT is ignored by what runs in the background
    children() { grep -als -e '--allow-ffi=libc[.]so' /proc/[0-9]*/cmdline | wc -l; }
    "$0" "$@" & pid=$!
    until [ "$(cat ${SETTING}/veth-fdpass/rp_filter)" = 1 ]; do sleep 0.05; done
    kill -${signal} $pid; wait $pid; echo "exit $?"
    for i in $(seq 200); do [ "$(children)" = 0 ] && break; sleep 0.05; done
    for i in $(seq 200); do ip -o link | grep -q fdp-out || break; sleep 0.05; done
    cat ${SETTING}/veth-fdpass/rp_filter
    ip -o link | grep -c fdp-out
    children`;
  const args = ["-q", "-t", "60", "-n", "100000", "-e", "relay", "veth-fdpass"];
  return inNamespace(["bash", "-c", script, ...FDPASS, ...args], PATIENT);
}

tests.add(root, "relay, interrupted, ends and restores everything", async () => {
  const { stdout } = await stopped("INT");
  assertMatch(stdout, /^INCONCLUSIVE relay[^\n]*\nexit 4\n0\n0\n0\n$/);
});

tests.add(root, "relay, killed, leaves no interface and no process", async () => {
  const { stdout } = await stopped("KILL");
  assertMatch(stdout, /^exit 137\n[01]\n0\n0\n$/);
});

tests.add(
  root,
  "relay accepts a datagram from this machine whose checksum is not filled in yet",
  async () => {
    const setUp = "ip address add 203.0.113.1/30 dev veth-fdpass-far";
    const program = [
      Deno.execPath(),
      "run",
      "-A",
      `${ROOT}/tests/lib/experiments/relay/programs/checksum_pending.ts`,
    ];
    const script = `${setUp} && exec "$0" "$@"`;
    const { stdout, stderr } = await inNamespace(["sh", "-c", script, ...program]);
    assertEquals(stderr, "");
    assertEquals(JSON.parse(stdout), {
      pending: true,
      believed: "a datagram",
      checked: "bad UDP checksum",
      relayed: 1,
    });
  },
);

tests.add(root, "relay divides joined datagrams, by every receive path", async () => {
  const program = "tests/lib/experiments/relay/programs/super_packets.ts";
  const { stdout, stderr } = await inNamespace([
    ...[Deno.execPath(), "run", "-A", `${ROOT}/${program}`],
  ]);
  assertEquals(stderr, "");
  const right = { relayed: 400, sizes: [1200], right: 400 };
  for (const [path, seen] of Object.entries(JSON.parse(stdout))) assertEquals(seen, right, path);
});

for (const place of RELAY_SURROUNDINGS.filter(({ quick }) => quick)) {
  tests.add(root, `relay with ${place.what}: exit ${place.exit}`, () => assertAnswer(place));
}

/** Arguments, and what the message must name. All exit with status 2, before anything is opened. */
const WRONG: [what: string, args: string[], message: RegExp][] = [
  ["no group", ["--from", ""], /--from needs a value/],
  ["two groups", ["--to", "239.1.1.1:1", "--to", "239.1.1.2:1"], /--to is given 2 times/],
  ["no port", ["--from", "239.1.1.1"], /--from: must be GROUP:PORT/],
  ["one host", ["--from", "192.0.2.1:5004"], /--from: 192.0.2.1 is not a multicast group/],
  ["one host to send to", ["--to", "192.0.2.1:5004"], /--to: 192.0.2.1 is not a multicast group/],
  ["the link's own groups", ["--from", "224.0.0.251:5353"], /is link-local/],
  ["a port of 0", ["--to", "239.1.1.1:0"], /--to: the port must be from 1 to 65535/],
  ["a port too many", ["--to", "239.1.1.1:65536"], /--to: the port must be from 1 to 65535/],
  ["a source-specific group alone", ["--from", "232.1.1.1:5004"], /names the source: SOURCE@GROUP/],
  [
    "a group as source",
    ["--from", "239.1.1.1@239.1.1.2:5004"],
    /is not the IPv4 address of a host/,
  ],
  [
    "a source to send to",
    ["--to", "192.0.2.1@239.1.1.1:1"],
    /"192.0.2.1@239.1.1.1" is not an IPv4/,
  ],
  ["IPv6", ["--from", "[ff15::4644]:5004"], /IPv6 is not relayed/],
  ["an egress that is not there", ["--out", "nosuch0"], /Cannot send through "nosuch0".*ENODEV/],
  ["an egress that is no name", ["--out", "a/b"], /--out: "a\/b" is not an interface name/],
  ["an egress into this machine", ["--out", "lo"], /come back to this machine/],
];

function assertRefused({ code, stdout, stderr }: Outcome, exit: number, message: RegExp): void {
  assertMatch(stderr, message);
  assertMatch(stderr, /^fdpass: [^\n]+\n(?: {2}[^\n]+\n)?$/, "one line, and perhaps a remedy");
  assertEquals([code, stdout], [exit, ""]);
}

for (const [what, args, message] of WRONG) {
  tests.add({}, `Bad input: relay with ${what} is refused with exit 2`, async () => {
    assertRefused(await here(["-e", "relay", ...args, "lo"]), 2, message);
  });
}

for (const out of ["veth-fdpass", "veth-fdpass-far"]) {
  tests.add(root, `Bad input: relay to itself by "${out}" is refused with exit 2`, async () => {
    const args = ["--out", out, "--to", "239.255.70.68:5004"];
    assertRefused(await inPlace(":", args), 2, /would be relayed back.*a loop/);
  });
}

tests.add(root, "relay by an interface that is down: exit 4", async () => {
  const outcome = await inPlace(`${ANOTHER_PAIR}; ip link set out0 down`, ["--out", "out0"]);
  assertRefused(outcome, 4, /"out0" is down: no datagram can be sent.*\n {2}ip link set out0 up/);
});

tests.add(root, "relay by an interface without a carrier: exit 4", async () => {
  const outcome = await inPlace(`${ANOTHER_PAIR}; ip link set out1 down`, ["--out", "out0"]);
  assertRefused(
    outcome,
    4,
    /"out0" has no carrier: no datagram can be sent\n {2}Connect its other/,
  );
});

tests.add(root, "relay by an interface without an IPv4 address: exit 4", async () => {
  const outcome = await inPlace(`${ANOTHER_PAIR}; ip address flush dev out0`, ["--out", "out0"]);
  assertMatch(outcome.stderr, /"out0" has no IPv4 address.*\n {2}ip address add/);
  assertEquals(outcome.code, 4);
});

tests.add(root, "relay without ip: exit 4, and the package to install", async () => {
  const outcome = await inPlace("PATH=/nowhere", []);
  assertMatch(outcome.stderr, /"ip" is missing\n {2}Install the package iproute2/);
  assertEquals(outcome.code, 4);
});

tests.add(
  { ...root, programs: { ...root.programs, strace: "strace" } },
  "Bad input: relay starts nothing, and opens only the socket that looks up interfaces",
  async () => {
    const trace = await Deno.makeTempFile();
    try {
      for (const [what, args] of WRONG) {
        const calls = "trace=execve,socket,connect";
        const strace = ["strace", "-f", "--seccomp-bpf", "-o", trace, "-e", calls];
        await here(["-e", "relay", ...args, "lo"], strace);
        const lines = (await Deno.readTextFile(trace)).split("\n");
        assertEquals(lines.filter((line) => /execve\(/.test(line)).length, 1, what);
        const opened = lines.filter((line) =>
          /socket\(AF_(PACKET|INET), SOCK_(RAW|DGRAM)/.test(line)
        );
        const more = opened.filter((line) => !/SOCK_DGRAM\|SOCK_CLOEXEC, IPPROTO_IP/.test(line));
        assertEquals(more, [], what); // if_nametoindex(3) opens a datagram socket to ask the kernel
      }
    } finally {
      await Deno.remove(trace);
    }
  },
);
