/**
 * The links on which fdpass may be run, and what passes there beside its own frames. A table; each
 * line says how a link is made, and the right answer of each experiment on it.
 *
 * @module
 */

import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import { evidenceIn, inNamespace, type Outcome } from "../support/programs.ts";
import { FDPASS } from "./here.ts";

/** The right answer of a run. */
export interface Answer {
  /** The exit status; several where it depends on the speed of the machine. */
  readonly exit: number | readonly number[];
  /** Matches the JSON of the evidence: the reason, or what shows that the link was as intended. */
  readonly says?: RegExp;
}

/** A link. */
export interface LinkKind {
  readonly what: string;
  /**
   * Commands of the shell that make it, in a namespace with the veth pair of `scripts/netns.sh`.
   */
  readonly setUp?: string;
  /** The program that runs fdpass on it. */
  readonly before?: readonly string[];
  /** The interface under test; `veth-fdpass` by default. */
  readonly interface?: string;
  /** Where frames are injected; the veth peer by default. */
  readonly stimulus?: string;
  /** The right answer of every run, if not PASS. */
  readonly answer?: Answer;
  /** The right answers of some runs, by {@linkcode Run}. */
  readonly answers?: Readonly<Record<string, Answer>>;
  /** A file without which the link cannot be made here. */
  readonly needs?: string;
  /** What to change for a PASS, where the question cannot be put. */
  readonly cure?: Pick<LinkKind, "setUp" | "before" | "interface" | "stimulus">;
  /** Whether fdpass refuses the link before it starts a child. */
  readonly isRefused?: true;
  /** The runs that are tried in every test run; the others are a sweep. */
  readonly quick?: readonly Run[];
}

/** A run: an experiment, by its name, and with `!` if the worker is hardened. */
export type Run = string;

/** Every run on a link: the experiments, and those that differ if the worker is hardened. */
export const RUNS: readonly Run[] = [
  ...EXPERIMENTS.map(({ name }) => name),
  ...["privilege-drop!", "receive-paths!"],
];

const PASS: Answer = { exit: 0 };
const [NEAR, FAR] = ["veth-fdpass", "veth-fdpass-far"];

/**
 * The longest that a run without an answer may take, in seconds, for the experiments that use all
 * of their time to wait for frames.
 */
const LIMITS: Readonly<Record<string, number>> = {
  "privilege-drop": 6,
  "io-uring": 6,
  authority: 20,
};

const program = (name: string, ...args: string[]) => [
  Deno.execPath(),
  ...["run", "-A", "--quiet", `tests/support/${name}`, ...args],
];
const mtu = (near: number, far = near) =>
  `ip link set ${NEAR} mtu ${near}; ip link set ${FAR} mtu ${far}`;

/** Whether bridges call netfilter: of a new network namespace too, where it is on by default. */
const NETFILTER = "/proc/sys/net/bridge/bridge-nf-call-iptables";
const bridge = (callsNetfilter: 0 | 1) =>
  `ip link add br0 type bridge; ip link set ${NEAR} master br0; ip link set br0 up
  for setting in /proc/sys/net/bridge/bridge-nf-call-ip*; do
    [ ! -e $setting ] || echo ${callsNetfilter} >$setting
  done`;
const macvlan = (mode: string) =>
  `ip link add mv0 link ${NEAR} type macvlan mode ${mode}; ip link set mv0 up`;
const ANOTHER_PAIR = `ip link add other type veth peer name other-far
  ip link set other up; ip link set other-far up`;

const nothingArrives = (says: RegExp): Answer => ({ exit: 4, says });

/** Where the kernel drops some of the relay's invalid frames before any packet socket sees them. */
const DROPS_INVALID: Readonly<Record<string, Answer>> = {
  relay: { exit: 0, says: /RELAY-07[^]*the link let through only/ },
};

/** The bridge takes the datagrams, so an ordinary socket on its port receives none. */
const ON_A_PORT: Readonly<Record<string, Answer>> = {
  relay: { exit: 4, says: /a port of a bridge: name the bridge/ },
};

/** The links whose frames are the stimulus alone. */
const PLAIN: readonly LinkKind[] = [
  { what: "a veth pair", answer: { exit: 0, says: /"kind": "veth",\s+"mtu": 1500/ } },
  ...[576, 1280, 1400, 1492, 9000].map((bytes) => ({
    what: `a veth pair with an MTU of ${bytes}`,
    setUp: mtu(bytes),
    answer: { exit: 0, says: new RegExp(`"mtu": ${bytes}`) } as const,
    ...bytes === 1280 ? { quick: ["receive-paths", "relay"] } : {},
  })),
  { what: "a veth pair whose far end has an MTU of 9000", setUp: mtu(1500, 9000) },
  { what: "a veth pair whose far end has an MTU of 1400", setUp: mtu(9000, 1400) },
  { what: "the loopback", interface: "lo", stimulus: "lo" },
  ...["bridge", "private", "vepa"].map((mode) => ({
    what: `a macvlan in mode ${mode}`,
    setUp: macvlan(mode),
    answers: DROPS_INVALID, // it reassembles fragments
    interface: "mv0",
    stimulus: FAR,
    ...mode === "bridge" ? { quick: ["privilege-drop!"] } : {},
  })),
  {
    what: "a macvtap",
    setUp: `ip link add mt0 link ${NEAR} type macvtap mode bridge; ip link set mt0 up`,
    answers: DROPS_INVALID,
    interface: "mt0",
    stimulus: FAR,
  },
  {
    what: "a bridge that snoops on groups, and checks their packets",
    setUp: bridge(0),
    interface: "br0",
    stimulus: FAR,
    answers: DROPS_INVALID,
  },
  {
    what: "a bridge that does not snoop on groups",
    setUp: `${bridge(0)}; ip link set br0 type bridge mcast_snooping 0`,
    interface: "br0",
    stimulus: FAR,
  },
  { what: "a port of a bridge", setUp: bridge(0), answers: ON_A_PORT },
  { what: "a port of a bridge that calls netfilter", setUp: bridge(1), answers: ON_A_PORT },
  {
    what: "a tun",
    before: program("tun_pair.ts", "tun", "tun0", "tun1"),
    interface: "tun0",
    stimulus: "tun1",
    answer: { exit: 0, says: /"layer": "ip",\s+"kind": "tun"/ },
    quick: ["privilege-drop!"],
  },
  {
    what: "a tap",
    before: program("tun_pair.ts", "tap", "tap0", "tap1"),
    interface: "tap0",
    stimulus: "tap1",
    answer: { exit: 0, says: /"layer": "ethernet",\s+"kind": "tun"/ },
  },
];

/** The links on which others send too, and those with a firewall, which packet sockets precede. */
const SHARED: readonly LinkKind[] = [
  {
    what: "a veth pair with frames of VLANs",
    before: program("among_others.ts", "tagged", FAR),
    answers: { "privilege-drop": { exit: 0, says: /VLAN 5, IPv4[^]*VLAN 7, VLAN 6, IPv4/ } },
    quick: ["privilege-drop"],
  },
  {
    what: "a veth pair with other senders in the group",
    before: program("among_others.ts", "group", FAR),
    answers: { "privilege-drop": { exit: 0, says: /"ours": false/ } },
  },
  {
    what: "a veth pair with ARP, IPv6, and frames for others",
    before: program("among_others.ts", "noise", FAR),
    answers: { "privilege-drop": { exit: 0, says: /"summary": "ARP"/ } },
  },
  {
    what: "a flooded veth pair",
    before: program("among_others.ts", "flood", FAR),
    answer: {
      exit: [0, 4],
      says: /"verdict": "PASS"|traffic of others|frames of others|--timeout/,
    },
    answers: { relay: { exit: 4, says: /no room for \d+ frames|--timeout/ } }, // of the same group
  },
  {
    what: "a veth pair beside a loopback that is down",
    setUp: "ip link set lo down",
    answers: { authority: { exit: 4, says: /ip link set lo up/ } },
  },
  {
    what: "an interface behind a firewall that drops all input",
    setUp:
      `nft 'add table ip t; add chain ip t in { type filter hook input priority 0; policy drop; }
      add table ip6 t; add chain ip6 t in { type filter hook input priority 0; policy drop; }'`,
    // Only the socket with which the relay is compared is behind it.
    answers: { relay: { exit: 4, says: /something else: look for an nft/ } },
  },
  {
    what: "an interface behind an ingress hook that drops all",
    setUp: `nft 'add table netdev t
      add chain netdev t in { type filter hook ingress device ${NEAR} priority 0; policy drop; }'`,
  },
];

/** The links on which the question cannot be put. */
const UNANSWERABLE: readonly LinkKind[] = [
  {
    what: "a bridge with bridge-nf-call-iptables, which cuts frames",
    setUp: bridge(1),
    interface: "br0",
    stimulus: FAR,
    needs: NETFILTER,
    answer: nothingArrives(/cut|neither drop nor change|not every invalid frame/),
    // The nonce of the supervisor, and all of the relay's datagrams, are within the packet.
    answers: { supervisor: PASS, relay: PASS },
    cure: { setUp: bridge(0) },
  },
  {
    what: "a link into which the stimulus does not lead",
    setUp: ANOTHER_PAIR,
    stimulus: "other",
    answer: nothingArrives(/--stimulus/),
    cure: { stimulus: FAR },
  },
  {
    what: "an ifb, which only forwards",
    setUp: `ip link add ifb7 type ifb; ip link set ifb7 up`,
    interface: "ifb7",
    stimulus: FAR,
    answer: nothingArrives(/--stimulus/),
    cure: { interface: NEAR },
  },
  {
    what: "a veth pair whose far end is down",
    setUp: `ip link set ${FAR} down`,
    answer: nothingArrives(/is down/),
    cure: { setUp: `ip link set ${FAR} up` },
    isRefused: true,
  },
  {
    what: "a tun whose other side no program holds",
    setUp: "ip tuntap add tun7 mode tun; ip link set tun7 up",
    interface: "tun7",
    stimulus: FAR,
    answer: nothingArrives(/carrier/),
    cure: { interface: NEAR },
    isRefused: true,
  },
  {
    what: "a quiet interface without a stimulus",
    stimulus: "none",
    cure: { stimulus: FAR },
    answer: nothingArrives(/--stimulus is none|no frame|0 packets|traffic/i),
  },
  {
    what: "a link of a type that fdpass cannot read",
    before: program("tun_pair.ts", "280", "can0", "can1"),
    interface: "can0",
    stimulus: "can1",
    cure: { before: program("tun_pair.ts", "tun", "can0", "can1") },
    isRefused: true,
    answer: nothingArrives(/its link type \(ARPHRD\) is 280/),
    quick: ["privilege-drop"],
  },
];

/** Every link. */
export const LINKS: readonly LinkKind[] = [...PLAIN, ...SHARED, ...UNANSWERABLE];

/** The right answer of a run on a link. */
export const answerOf = ({ answer = PASS, answers = {} }: LinkKind, run: Run): Answer =>
  answers[run] ?? answer;

/** The command that runs a program on a link, in the namespace of `scripts/netns.sh`. */
export function commandOn(
  { setUp = ":", before = [], interface: name = NEAR, stimulus }: LinkKind,
  program: readonly string[],
): string[] {
  const { length } = before;
  const shell = length === 0 && setUp === ":" ? [] : ["bash", "-ec", `${setUp}\nexec "$0" "$@"`];
  const stimulated = stimulus === undefined ? [] : ["--stimulus", stimulus];
  return [...shell, ...before, ...program, ...stimulated, name];
}

/** Makes a run on a link. */
export function runOn(link: LinkKind, run: Run): Promise<Outcome> {
  const name = run.replace("!", "");
  const limit = answerOf(link, run).exit === 4 ? LIMITS[name] : undefined;
  const args = [
    ...["--json", "-e", name],
    ...limit === undefined ? [] : ["-t", String(limit)],
    ...run === name ? [] : ["--harden"],
  ];
  return inNamespace(commandOn(link, [...FDPASS, ...args]), { timeout: 120_000 });
}

/**
 * Makes a run on a link with a real defect in the experiment.
 *
 * @param defect `EXPERIMENT/NAME`, as in tests/refutations/all.ts.
 * @returns The verdict, and the checks that failed.
 */
export async function runWithDefect(link: LinkKind, defect: string): Promise<string> {
  const program = [...FDPASS.slice(0, -1), "tests/refutations/run.ts", defect, "--timeout", "6"];
  const outcome = await inNamespace(commandOn(link, program), { timeout: 120_000 });
  const { verdict, experiments: [{ checks }] } = evidenceIn(outcome);
  const failed = checks.filter(({ status }) => status === "fail").map(({ id }) => id);
  return [verdict, ...failed].join(" ");
}

/** What is wrong with the outcome of a run; empty if it is right. */
export function problemsOf({ exit, says = /^/ }: Answer, outcome: Outcome): string[] {
  const { code, stdout, stderr } = outcome;
  if (!stdout.startsWith("{")) return [`exit ${code}, without evidence: ${stdout}${stderr}`];
  const { verdict, experiments, error } = evidenceIn(outcome);
  const checks = experiments.flatMap((each) => each.checks);
  const open = checks.filter(({ status }) => status !== "pass")
    .map(({ id, status, observed }) => `${id} ${status}: ${observed}`);
  const why = [error?.message, ...experiments.map((each) => each.error), ...open]
    .filter((each) => each).join("; ");
  const problems: [wrong: boolean, problem: string][] = [
    [![exit].flat().includes(code), `exit ${code}, wanted ${exit}: ${why}`],
    [(code === 0) !== (verdict === "PASS"), `${verdict} with exit ${code}`],
    [!says.test(stdout), `does not say ${says}: ${why}`],
    [checks.some(({ status }) => status === "fail"), `checks failed: ${why}`],
  ];
  return problems.filter(([wrong]) => wrong).map(([, problem]) => problem);
}
