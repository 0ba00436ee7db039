/**
 * Changes of interfaces in the middle of a run, and what must follow from each: exit 4, a message
 * that names the change, an end without delay, and nothing left behind.
 *
 * @module
 */

import { inNamespace } from "../support/programs.ts";
import { FDPASS } from "./here.ts";

/** A change of an interface. */
export interface LinkEvent {
  readonly name: string;
  /**
   * Lines for `ip -batch`, which runs them within a millisecond or two. `PID` is a process in
   * another network namespace.
   */
  readonly commands: readonly string[];
  /** Matches the words of the message. */
  readonly says: RegExp;
  /** The only run that it concerns, by its name, if it does not concern all. */
  readonly only?: string;
}

const WITH_OUT = "relay --out";

/** The changes. `veth-fdpass` is under test, `veth-fdpass-far` is where frames are injected. */
export const LINK_EVENTS: readonly LinkEvent[] = [
  { name: "down", commands: ["link set veth-fdpass down"], says: /"veth-fdpass" went down/ },
  {
    name: "down and up",
    commands: ["link set veth-fdpass down", "link set veth-fdpass up"],
    says: /"veth-fdpass" went down/,
  },
  {
    name: "far end down and up",
    commands: ["link set veth-fdpass-far down", "link set veth-fdpass-far up"],
    says: /"veth-fdpass-far" went down/,
  },
  {
    name: "renamed",
    commands: ["link set veth-fdpass name other"],
    says: /"veth-fdpass" was renamed to "other"/,
  },
  {
    name: "renamed, and the name given to another",
    commands: [
      "link set veth-fdpass name other",
      "link add veth-fdpass type veth peer name stranger",
    ],
    says: /"veth-fdpass" was renamed to "other" and lost its name to another interface/,
  },
  { name: "deleted", commands: ["link del veth-fdpass"], says: /"veth-fdpass" was deleted/ },
  {
    name: "deleted with its far end",
    commands: ["link del veth-fdpass-far"],
    says: /"veth-fdpass-far" was deleted/,
  },
  {
    name: "replaced",
    commands: ["link del veth-fdpass", "link add veth-fdpass type veth peer name veth-fdpass-far"],
    says: /"veth-fdpass" was deleted and replaced by another interface of the same name/,
  },
  {
    name: "moved",
    commands: ["link set veth-fdpass netns PID"],
    says: /"veth-fdpass" was moved to another network namespace/,
  },
  {
    name: "far end moved",
    commands: ["link set veth-fdpass-far netns PID"],
    says: /"veth-fdpass-far" was moved to another network namespace/,
  },
  {
    name: "another MTU",
    commands: ["link set veth-fdpass mtu 1400"],
    says: /"veth-fdpass" changed its MTU from 1500 to 1400/,
  },
  {
    name: "port of a bridge",
    commands: ["link add name bridge type bridge", "link set veth-fdpass master bridge"],
    says: /"veth-fdpass" was made a port of another interface/,
  },
  {
    name: "loopback down",
    commands: ["link set lo down"],
    says: /"lo" went down/,
    only: "authority",
  },
  {
    name: "output down",
    commands: ["link set out down"],
    says: /"out" went down/,
    only: WITH_OUT,
  },
  {
    name: "output deleted",
    commands: ["link del out"],
    says: /"out" was deleted/,
    only: WITH_OUT,
  },
];

/** A run of an experiment that is long enough for something to happen. */
export interface LongRun {
  readonly name: string;
  readonly args: readonly string[];
  /** How long it takes at least after it has opened its first packet socket, in milliseconds. */
  readonly lasts: number;
}

const MANY = ["-n", "100000", "-t", "20"];

/** The experiments. */
export const LONG_RUNS: readonly LongRun[] = [
  { name: "privilege-drop", args: MANY, lasts: 3000 },
  { name: "privilege-drop hardened", args: ["--harden", ...MANY], lasts: 3000 },
  { name: "authority", args: ["-e", "authority"], lasts: 1500 },
  { name: "io-uring", args: ["-e", "io-uring", ...MANY], lasts: 3000 },
  { name: "receive-paths", args: ["-e", "receive-paths", ...MANY], lasts: 3000 },
  { name: "supervisor", args: ["-e", "supervisor", "--kills", "50", "-t", "40"], lasts: 4000 },
  { name: "relay", args: ["-e", "relay", ...MANY], lasts: 3000 },
  { name: WITH_OUT, args: ["-e", "relay", "--out", "out", ...MANY], lasts: 3000 },
];

/** What was seen of a run. */
export interface EventOutcome {
  readonly code: number;
  /** Standard output and standard error. */
  readonly output: string;
  /** Milliseconds from the change to the end of the run. */
  readonly took: number;
  /** Whether the run had ended before the change. */
  readonly isLate: boolean;
  /** What is left that should not be: processes, interfaces, another rp_filter. */
  readonly left: readonly string[];
}

/**
 * Starts fdpass, waits until it has a packet socket, waits, changes the interface, and prints
 * what follows. `$1` is the time to wait, in seconds; `$2` the commands.
 */
const SCRIPT = `
  ip link add out type veth peer name out-far
  ip link set out up; ip link set out-far up; ip address add 192.0.2.1/24 dev out
  setting() { cat "/proc/sys/net/ipv4/conf/$1/rp_filter"; }
  echo 2 >/proc/sys/net/ipv4/conf/veth-fdpass/rp_filter
  index=$(ip -o link show veth-fdpass | cut -d: -f1)
  unshare --net sleep 60 & other=$!
  wait_s=$1; commands=$2; shift 2
  "$@" 2>&1 & pid=$!
  until [ "$(wc -l </proc/net/packet)" -gt 1 ] || ! kill -0 $pid 2>/dev/null; do sleep 0.01; done
  sleep "$wait_s"
  kill -0 $pid 2>/dev/null || echo "@late"
  started=$(date +%s%N)
  ip -batch - <<<"\${commands//PID/$other}" >/dev/null || echo "@left the commands undone"
  wait $pid; code=$?
  echo; echo "@took $((($(date +%s%N) - started) / 1000000))"
  echo "@code $code"
  kill $other
  for ((i = 0; i < 100; i++)); do
    children=$(grep -al -e '--allow-ffi=libc[.]so' /proc/[0-9]*/cmdline 2>/dev/null | wc -l)
    near=$(ip -o link | grep -c fdp-out)
    [ $((children + near)) -eq 0 ] && break
    sleep 0.05
  done
  [ "$children" -eq 0 ] || echo "@left $children processes"
  [ "$near" -eq 0 ] || echo "@left $near interfaces"
  name=$(ip -o link | sed -n "s/^$index: \\([^@:]*\\).*/\\1/p")
  [ -z "$name" ] || [ "$(setting "$name")" = 2 ] || echo "@left rp_filter $(setting "$name")"
  [ "$name" = veth-fdpass ] || ! ip link show veth-fdpass >/dev/null 2>&1 ||
    [ "$(setting veth-fdpass)" = 0 ] || echo "@left rp_filter of another interface changed"
  true`;

/**
 * Runs fdpass, and changes its interfaces.
 *
 * @param wait Milliseconds from its first packet socket to the change.
 * @param program The program that runs fdpass, if not its main program.
 */
export async function runWithEvent(
  { commands }: Pick<LinkEvent, "commands">,
  args: readonly string[],
  wait: number,
  program: readonly string[] = FDPASS,
): Promise<EventOutcome> {
  const shell = ["bash", "-c", SCRIPT, "bash", String(wait / 1000), commands.join("\n")];
  const { stdout, stderr } = await inNamespace(
    [...shell, ...program, "-q", ...args, "veth-fdpass"],
    { timeout: 120_000 },
  );
  const lines = stdout.split("\n");
  const marked = (mark: string) =>
    lines.filter((line) => line.startsWith(`@${mark}`)).map((line) => line.slice(mark.length + 2));
  return {
    code: Number(marked("code")[0] ?? -1),
    output: lines.filter((line) => !line.startsWith("@")).join("\n") + stderr,
    took: Number(marked("took")[0] ?? Infinity),
    isLate: marked("late").length > 0,
    left: marked("left"),
  };
}

/**
 * The longest that a run may take to end after the change, in milliseconds. A frame that the kernel
 * has no room for is sent again for two seconds, without a look at anything else.
 */
const LIMIT = 6000;

/** What is wrong with the outcome of a run whose interface changed; empty if it is right. */
export function problemsOf(
  { says }: LinkEvent,
  { code, output, took, isLate, left }: EventOutcome,
): string[] {
  if (isLate && code === 0) return left.map((what) => `left ${what}`);
  const problems: [wrong: boolean, problem: string][] = [
    [code !== 4, `exit ${code}`],
    [!says.test(output) || !/ during the run: /.test(output), `does not say ${says}`],
    [!/^INCONCLUSIVE /m.test(output), "is not INCONCLUSIVE"],
    [took > LIMIT, `took ${took} ms`],
    [/fdpass itself failed|^ +at .*:\d+:\d+\)?$/m.test(output), "a defect"],
    [left.length > 0, `left ${left}`],
  ];
  const found = problems.filter(([wrong]) => wrong).map(([, problem]) => problem);
  return found.length === 0 ? [] : [...found, output];
}

const hostile = (child: string, ...options: readonly string[]) => [
  ...[Deno.execPath(), "run", "-A", "tests/hostile/run.ts", child],
  ...options,
];

/** A run with a child that keeps root, and claims that it does not. */
export interface LiarRun extends LongRun {
  readonly program: readonly string[];
}

/**
 * The runs with a liar. `lasts` is when the parent has seen the violation, at the earliest. The
 * hardened child of `io-uring` comes last and ends soon, so no change can be aimed at it.
 */
export const LIAR_RUNS: readonly LiarRun[] = [
  { name: "privilege-drop", args: MANY, lasts: 900, program: hostile("./child.ts?liar") },
  ...[
    { name: "authority", args: ["-e", "authority", "-n", "100000", "-t", "60"], lasts: 6000 },
    { name: "receive-paths", args: ["-e", "receive-paths", "--harden", ...MANY], lasts: 1500 },
    { name: "relay", args: ["-e", "relay", ...MANY], lasts: 2000 },
  ].map((run) => ({ ...run, program: hostile("./any_child.ts?liar") })),
];

/** How often a run is repeated, each time with twice the wait, if nothing was seen yet. */
const ATTEMPTS = 4;

/**
 * Runs fdpass with a liar, and deletes the interface once the parent has seen the violation. How
 * soon that is depends on the load of the machine.
 */
export async function runUntilSeen({ args, lasts, program }: LiarRun): Promise<EventOutcome> {
  const deleted = LINK_EVENTS.find(({ name }) => name === "deleted")!;
  for (let attempt = 1, wait = lasts;; attempt++, wait *= 2) {
    const outcome = await runWithEvent(deleted, args, wait, program);
    if (outcome.code !== 4 || attempt === ATTEMPTS) return outcome;
  }
}
