/**
 * The surroundings of a relay: outputs and inputs of other sizes and forms, other senders, and
 * firewalls. A table; each line says how a surrounding is made, the right answer there, and a
 * defect that must be found there nevertheless.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import type { CheckId } from "../../lib/evidence/checks.ts";
import { evidenceIn, inNamespace, type Outcome } from "../support/programs.ts";
import { FDPASS } from "./here.ts";

/** A surrounding of a relay. */
export interface RelaySurrounding {
  readonly what: string;
  /** Commands of the shell that make it, in a namespace with the veth pair of netns.sh. */
  readonly setUp?: string;
  /** The commands that make it without what stands in the way of an answer. */
  readonly cure?: string;
  /** The program that runs fdpass in it. */
  readonly before?: readonly string[];
  /** The arguments of fdpass, besides the interface. */
  readonly args?: readonly string[];
  /** The interface under test, if not `veth-fdpass`. */
  readonly interface?: string;
  readonly exit: 0 | 4;
  /** The checks that are skipped or left out. */
  readonly skips?: readonly CheckId[];
  /** Matches the JSON of the evidence. */
  readonly says?: RegExp;
  /** A defect of `tests/refutations/relay.ts` that is a FAIL there. */
  readonly defect: string;
  /** True if it is tried in every test run; the others are a sweep. */
  readonly quick?: true;
}

const [NEAR, FAR] = ["veth-fdpass", "veth-fdpass-far"];
const program = (name: string, ...args: string[]) => [
  Deno.execPath(),
  ...["run", "-A", "--quiet", `tests/support/${name}`, ...args],
];
const output = (mtu: number) =>
  `ip link add out0 mtu ${mtu} type veth peer name out1 mtu ${mtu}
  ip address add 203.0.113.1/30 dev out0; ip link set out0 up; ip link set out1 up`;
const input = (mtu: number) => `ip link set ${NEAR} mtu ${mtu}; ip link set ${FAR} mtu ${mtu}`;
const OUT = ["--out", "out0"];
const addressed = (name: string) => [
  ...["sh", "-ec", `ip address add 203.0.113.1/30 dev ${name}; exec "$0" "$@"`],
];
const bridge = (rule: string) =>
  `ip link add br0 type bridge; ip link set ${NEAR} master br0; ip link set br0 up
  nft 'add table bridge t; add chain bridge t in { type filter hook input priority 0; }'
  ${rule}`;
const dropping = (hook: "input" | "output", group: string) =>
  `nft 'add table ip t; add chain ip t c { type filter hook ${hook} priority 0; }
    add rule ip t c ip daddr ${group} drop'`;

/** Every surrounding. */
export const RELAY_SURROUNDINGS: readonly RelaySurrounding[] = [
  {
    what: "an output of MTU 1400",
    setUp: output(1400),
    args: OUT,
    exit: 0,
    skips: ["RELAY-06"],
    says: /107 too big for the output/,
    defect: "skipped",
    quick: true,
  },
  {
    what: "an output of MTU 576, and jumbo frames at the input",
    setUp: `${output(576)}; ${input(9000)}`,
    args: OUT,
    exit: 0,
    skips: ["RELAY-06"],
    says: /\d{4} too big for the output/,
    defect: "doubled",
  },
  {
    what: "a tun as output",
    before: [...program("tun_pair.ts", "tun", "tun0", "tun1"), ...addressed("tun0")],
    args: ["--out", "tun0"],
    exit: 0,
    skips: ["RELAY-06"],
    defect: "made-up",
  },
  {
    what: "an input of MTU 68",
    setUp: input(68),
    exit: 0,
    says: /of 0 to 40 bytes/,
    defect: "padded",
  },
  {
    what: "jumbo frames at the input, by recvmsg",
    setUp: input(9000),
    args: ["--receive", "recvmsg"],
    exit: 0,
    says: /of 0 to 8972 bytes/,
    defect: "skipped",
  },
  {
    what: "other senders in the group",
    before: program("among_others.ts", "group", FAR),
    exit: 0,
    says: /; \d+ of others relayed/,
    defect: "doubled",
    quick: true,
  },
  {
    what: "another sender of joined datagrams",
    setUp: `ip address add 203.0.113.1/24 dev ${FAR}`,
    before: program("joined_datagrams.ts", FAR),
    exit: 0,
    says: /; \d+ of others relayed/,
    defect: "doubled",
  },
  {
    what: "a firewall that drops the group at the input",
    setUp: dropping("input", "239.255.70.68"),
    cure: ":",
    exit: 4,
    skips: ["RELAY-09"],
    says: /AF_INET socket is kept from the datagrams by something else/,
    defect: "late-loss",
  },
  {
    what: "a route back to the source of the datagrams",
    setUp: `ip address add 192.0.2.254/24 dev ${NEAR}`,
    cure: ":",
    exit: 4,
    skips: ["RELAY-09"],
    says: /routed back by this interface/,
    defect: "late-loss",
  },
  {
    what: "a firewall that drops the destination at the output",
    setUp: dropping("output", "239.255.70.69"),
    cure: ":",
    exit: 4,
    skips: ["RELAY-05", "RELAY-06", "RELAY-09"],
    says: /root cannot send to the destination .* EPERM|Operation not permitted/,
    defect: "unprotected-worker",
  },
  {
    what: "a bridge that drops long datagrams",
    setUp: bridge("nft add rule bridge t in ip length ge 1000 drop"),
    cure: bridge(":"),
    args: ["--stimulus", FAR],
    interface: "br0",
    exit: 4,
    skips: ["RELAY-05", "RELAY-06", "RELAY-09"],
    says: /only \d+ of the \d+ datagrams that root injected arrived at the interface/,
    defect: "doubled",
  },
];

/** Runs a program with the arguments of fdpass in a surrounding. */
function runIn(place: RelaySurrounding, program: readonly string[], args: string[]) {
  const { setUp = ":", before = [], interface: name = NEAR } = place;
  const shell = ["bash", "-ec", `${setUp}\nexec "$0" "$@"`];
  const command = [...shell, ...before, ...program, ...args, ...place.args ?? [], name];
  return inNamespace(command, { timeout: 150_000 });
}

/** Runs the relay in a surrounding. */
const relayIn = (place: RelaySurrounding): Promise<Outcome> =>
  runIn(place, FDPASS, ["--json", "-t", "60", "-e", "relay"]);

/** Asserts that the relay gives the right answer in a surrounding. */
export async function assertAnswer(place: RelaySurrounding): Promise<void> {
  const { exit, skips = [], says = /^/ } = place;
  const outcome = await relayIn(place);
  const { experiments: [{ checks, error }] } = evidenceIn(outcome);
  const of = (status: string) =>
    checks.filter((check) => check.status === status).map(({ id }) => id).sort();
  const why = `${error}; ${checks.map(({ id, observed }) => `${id}: ${observed}`).join("\n")}`;
  assertEquals([of("fail"), of("skip")], [[], skips], why);
  assertEquals(outcome.code, exit, why);
  assertMatch(outcome.stdout, says);
}

/** Asserts that the relay is PASS in a surrounding from which the obstacle is taken. */
export async function assertCured(place: RelaySurrounding): Promise<void> {
  const { code, stdout } = await relayIn({ ...place, setUp: place.cure! });
  assertEquals(code, 0, stdout);
}

/** Asserts that a defect of the relay is a FAIL in a surrounding. */
export async function assertRefuted(place: RelaySurrounding): Promise<void> {
  const program = [...FDPASS.slice(0, -1), "tests/refutations/run.ts", `relay/${place.defect}`];
  const { code, stdout, stderr } = await runIn(place, program, []);
  assertEquals(code, 1, `${stdout}${stderr}`);
}
