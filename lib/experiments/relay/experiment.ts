/**
 * D1, D18, D24: the purpose of it all, in small: can a worker that has nothing but two sockets relay multicast, and do nothing else?
 *
 *     parent (root)                                 worker (hardened)              receiver (another network namespace)
 *     a helper socket joins the group               .                              .
 *     socket, filter, bind                          .                              .
 *     a veth pair to another namespace ──────────────────────────────────────────▶ joins the group of the output
 *     a UDP socket, connected to that group         .                              .
 *     the control: by such a socket one can
 *     send elsewhere, and witnesses see it          .                              .
 *     sendmsg SCM_RIGHTS, both sockets ───────────▶ drops, hardened                .
 *     .                                             tries to send elsewhere        .
 *     rp_filter off, datagrams and others ─────────▶ takes the payload out ───────▶ receives
 *     rp_filter strict, the same ──────────────────▶ counts what is none            .
 *     compares ◀─────────────────────────────────── counts                         digests ──▶ compares
 *     looks what the witnesses saw                  .                              .
 *
 * With `--out IFACE` datagrams leave by that interface, and there is no receiver: what leaves is seen by the witness.
 *
 * @module
 */

import {
  AF_INET,
  ETH_P_ALL,
  MSG_DONTWAIT,
  POLLIN,
  SO_BINDTODEVICE,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
} from "../../../ffi/abi/constants.ts";
import { cString } from "../../../ffi/abi/libc.ts";
import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { readTextFile } from "../../../ffi/process/file.ts";
import { bind, ReceiveBuffer, sendTo, setsockopt, socket } from "../../../ffi/socket/calls.ts";
import { inetAddress, ipv4Bytes, type Ipv4Endpoint, joinGroup } from "../../../ffi/socket/inet.ts";
import { pollAsync } from "../../../ffi/socket/poll.ts";
import { if_nametoindex, type Link } from "../../../ffi/socket/rtnetlink.ts";
import { runChild } from "../../harness/child_main.ts";
import type { ChildRun } from "../../harness/child_run.ts";
import { CONFINEMENT_CHECKS } from "../../evidence/checks.ts";
import { proveConfinement } from "../../confine/proof.ts";
import { checkHardened } from "../../harness/hardened.ts";
import { describeEgress, type EgressIdentity, inEndpointWords, openEgress } from "./egress.ts";
import { attemptElsewhere, markedPayload, strayFrame } from "./elsewhere.ts";
import { LONGEST_PAYLOAD } from "./frames.ts";
import { INVALID_FRAMES } from "./invalid_frames.ts";
import { FAR_END, FarNamespace, IN_OWN_NAMESPACE, requireNamespaces } from "./namespace.ts";
import { Relay, type RelayAccount } from "./relay.ts";
import { ReversePathFilter, whyNotChangeable } from "./reverse_path.ts";
import { RelayStimulus, SEND_ATTEMPTS } from "./stimulus.ts";
import { Witness } from "./witness.ts";
import { DROP_REASONS } from "../../packets/datagrams.ts";
import { groupFilter } from "../../packets/filters.ts";
import { ELSEWHERE } from "../../packets/marks.ts";
import { sendFrame, whenThereIsRoom } from "../../packets/send.ts";
import {
  boundPacketSocket,
  enlargeReceiveBuffer,
  takeStatistics,
  whyNoLargeReceiveBuffer,
} from "../../packets/socket.ts";
import {
  compare,
  type Comparison,
  DIGESTS_PER_MESSAGE,
  isWhole,
  sha256,
  takeDigests,
} from "../../harness/digests.ts";
import { type Conclusion, type Finding, judged, skipped } from "../../evidence/evidence.ts";
import type { Experiment } from "../../harness/experiment.ts";
import { asInteger, asObject } from "../../harness/protocol.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import {
  ALL_PROTECTIONS,
  becomeWorker,
  birthWith,
  launcherFor,
  protectSocket,
  protectWorker,
} from "../../confine/protections.ts";
import {
  drain,
  type FrameSource,
  isRing,
  openFrameSource,
  type ReceivePath,
} from "../../receive/mod.ts";
import { requireStimulus } from "../../harness/setting.ts";
import type { Child } from "../../harness/child.ts";
import { startWorker } from "../../confine/start.ts";

/** How many datagrams are sent at least: every size once. */
const DATAGRAMS = LONGEST_PAYLOAD + 1;

/** How many of them are sent while reverse path filtering is off. */
const CONTROLS = 100;

/** How many may be under way: the receive buffers hold them all. */
const WINDOW = 250;

/** How long a datagram is waited for, in milliseconds: it is there at once, or lost. */
const PATIENCE = 1000;

/** What the worker receives by if nothing is said of it. */
const USUAL: ReceivePath = "tpacket-v3";

/** Steps of the parent that a test may override. */
export const parentOverrides = {
  joinGroup,
  protectSocket,
  openEgress,
  setReversePath: (filter: ReversePathFilter, mode: "off" | "strict"): void => filter.set(mode),
};

/** The privileged program. */
export async function parent(run: ParentRun, overrides = parentOverrides): Promise<Conclusion> {
  const { link, stimulus: stimulusLink, identity, count, receive = USUAL } = run.setting;
  const { from, to, out } = run.setting.relay;
  const far = requireStimulus(stimulusLink, link);
  if (out === undefined) requireNamespaces();
  const digest = await sha256();

  // A socket that receives nothing: it is a member, so that routers and switches let the group come.
  run.step(`Joining ${from.address} on "${link.name}"...`);
  const before = membersOf(from.address, link);
  using helper = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  overrides.joinGroup(helper.fd, from.address, link.ifindex);
  run.check("RELAY-01", judgeMembership(before, membersOf(from.address, link)));
  run.done(`A helper socket is a member (FD: ${helper.fd})`, "RELAY-01");

  run.step("Creating AF_PACKET socket...");
  using packetSocket = boundPacketSocket(link.ifindex, ETH_P_ALL);
  enlargeReceiveBuffer(packetSocket.fd); // for the ways of receiving that have no ring
  overrides.protectSocket(packetSocket.fd, ALL_PROTECTIONS, groupFilter(from.address));
  run.done(`AF_PACKET socket created, for UDP to ${from.address} alone (FD: ${packetSocket.fd})`);

  // The far end of the output lies where none of this is: in a network namespace of the receiver's own.
  await using receiver = out === undefined ? await startReceiver(run) : undefined;
  using namespace = receiver && new FarNamespace(receiver.pid);
  const egressLink = namespace?.near ?? out!;
  if (receiver !== undefined) {
    run.step("Starting a receiver in another network namespace...");
    receiver.send({ type: "listen", interface: FAR_END, to });
    await receiver.reached("listening");
    run.done(`It is a member of ${to.address} there (PID: ${receiver.pid})`);
  }

  run.step("Creating a UDP socket that is connected to the destination...");
  using egress = overrides.openEgress(egressLink, to);
  const agreed = describeEgress(egress.fd);
  run.done(`${agreed.source} → ${agreed.peer} by "${agreed.interface}" (FD: ${egress.fd})`);

  // The control: whoever holds such a socket can send elsewhere by it, and the witnesses see what leaves.
  const expected = { source: agreed.source, to, digest };
  using leaving = new Witness(egressLink, expected);
  using arriving = new Witness(far, expected);
  using inward = boundPacketSocket(link.ifindex, 0);
  whenThereIsRoom(
    () => sendTo(egress.fd, markedPayload(), 0, inetAddress(ELSEWHERE)),
    SEND_ATTEMPTS,
  );
  sendFrame(inward.fd, strayFrame(), SEND_ATTEMPTS);
  const controls = [await straysSeenBy(leaving), await straysSeenBy(arriving)];
  run.detail(`the parent sent elsewhere by both sockets; witnesses saw ${controls.join(" and ")}`);

  run.step("Passing both sockets to the worker...");
  await using worker = run.start({ launcher: launcherFor(identity, ALL_PROTECTIONS) });
  const orders = { protections: ALL_PROTECTIONS, receive, from, ifindex: link.ifindex };
  worker.send({ type: "role", role: "worker" });
  worker.send({ type: "relay", ...identity, ...orders }, [packetSocket.fd, egress.fd]);
  run.done(`Two descriptors passed via SCM_RIGHTS to PID ${worker.pid}`);
  await worker.reached("ready");
  const given = { packetFd: packetSocket.fd, egressFd: egress.fd, ioUring: isRing(receive) };
  checkHardened(run, worker, given);
  takeStatistics(packetSocket.fd); // what came before does not count

  run.step(`Relaying from ${inEndpointWords(from)} to ${inEndpointWords(to)}...`);
  using stimulus = new RelayStimulus(far, from, digest);
  using ordinary = ordinaryReceiver(from, link);
  const whyLeftAlone = whyNotChangeable(link);
  using reversePath = whyLeftAlone === undefined ? new ReversePathFilter(link) : undefined;
  const received: string[] = [];
  const parties = { stimulus, leaving, receiver, received };

  if (reversePath !== undefined) overrides.setReversePath(reversePath, "off");
  await exchange(parties, CONTROLS);
  const inControl = compare(stimulus.sent, datagramsOf(ordinary.fd).map(digest));
  const controlled = { ordinary: inControl, relay: compare(stimulus.sent, leaving.datagrams) };
  if (reversePath !== undefined) overrides.setReversePath(reversePath, "strict");
  await exchange(parties, CONTROLS + Math.max(count, DATAGRAMS));
  const underFilter = datagramsOf(ordinary.fd).length;

  worker.send({ type: "enough" });
  const account = asAccount(await worker.reached("done"));
  await worker.ended();
  const statistics = takeStatistics(packetSocket.fd);
  const strays = [...leaving.takeStrays(), ...arriving.takeStrays()];
  const atTheEnd = describeEgress(egress.fd);
  await endReceiver(parties); // with it goes its namespace, and the interface into it

  const left = compare(stimulus.sent, leaving.datagrams);
  const arrived = compare(stimulus.sent, received);
  run.check("RELAY-02", judgeEgress([agreed, atTheEnd], egressLink, to));
  run.check("RELAY-03", judgeStrays(strays, controls));
  run.check("RELAY-04", judgeStrays(strays, controls));
  run.check("RELAY-05", judgeComparison(left));
  if (receiver === undefined) run.check("RELAY-06", skipped(`--out ${egressLink.name}`));
  else run.check("RELAY-06", judgeComparison(arrived), ["answer"]);
  run.check("RELAY-07", judgeAccount(account, stimulus, left), ["parent", "child"]);
  const passing = stimulus.sent.length + total(Object.fromEntries(stimulus.invalid));
  run.check("RELAY-08", judgeFilter(statistics, passing, stimulus.filtered));
  run.check(
    "RELAY-09",
    whyLeftAlone === undefined
      ? judgeReversePath(controlled, underFilter, left)
      : skipped(whyLeftAlone),
  );
  run.done(
    `${left.arrived} of ${left.sent} datagrams of 0 to ${LONGEST_PAYLOAD} bytes passed on`,
    "RELAY-05",
    "RELAY-06",
  );
  const notPassed = total(account.dropped);
  run.done(
    `${notPassed} frames of ${INVALID_FRAMES.length} kinds dropped, ${stimulus.filtered} kept by the filter`,
    "RELAY-07",
    "RELAY-08",
  );
  run.done("Reverse path filtering does not concern the relay", "RELAY-09");
  run.step("Results:");
  run.done("The worker is confined on every thread", ...CONFINEMENT_CHECKS);
  run.done("It can send to one destination", "RELAY-02", "RELAY-03", "RELAY-04");
  run.record.figure("datagrams sent", left.sent);
  run.record.figure("datagrams relayed", account.relayed);
  run.record.figure("datagrams sent again", account.retried);
  run.record.figure("tp_packets", statistics.packets);
  run.record.figure("tp_drops", statistics.drops);

  return {
    headline: "An unprivileged worker relays multicast, and can do nothing else!",
    points: [
      `${left.arrived} datagrams relayed, each once, in order, unchanged`,
      "Fragments, malformed and foreign frames dropped, and counted by reason",
      ...reversePath === undefined
        ? []
        : ["Datagrams that reverse path filtering keeps from an AF_INET socket relayed as well"],
      "Every attempt to send elsewhere refused; nothing else left",
    ],
    decision: "D1 (AF_PACKET) and D24 (Privilege Separation) carry a relay",
  };
}

/** Steps of the child that a test may override. */
export const childOverrides = {
  becomeWorker,
  protectWorker,
  openSource: (receive: ReceivePath, packetFd: number): FrameSource =>
    openFrameSource(receive, packetFd),
  relay: (
    source: FrameSource,
    egressFd: number,
    from: Ipv4Endpoint,
  ): Pick<Relay, "turn" | "account"> => new Relay(source, egressFd, from),
  /** How the receiver counts a payload in. */
  receive: (digests: string[], digest: string): void => void digests.push(digest),
};

/** How many frames the worker deals with before it looks whether the parent has said something. */
const FRAMES_IN_A_ROW = 256;

/** The worker's program, and the receiver's. */
export async function child(run: ChildRun, overrides = childOverrides): Promise<void> {
  if (run.receive("role").message.role === "receiver") return await receive(run, overrides);
  const { message, descriptors } = run.receive("relay", 2);
  const { uid, gid, from, ifindex } = message;
  using packetSocket = new OwnedFd(descriptors[0]);
  using egress = new OwnedFd(descriptors[1]);
  const given = { packetFd: packetSocket.fd, egressFd: egress.fd, channelFd: run.channelFd };

  const openSource = () => overrides.openSource(message.receive, packetSocket.fd);
  using source = startWorker(run, given, message, openSource, overrides);
  run.checks(await proveConfinement({ ...given, sourceFd: source.fd }, { uid, gid }));

  // What a compromised worker would do first.
  run.check("RELAY-03", judgeAttempts(attemptElsewhere({ ...given, ifindex })));
  drain(source);
  run.reached("ready");

  const relay = overrides.relay(source, egress.fd, from);
  do {
    while (relay.turn(FRAMES_IN_A_ROW) === FRAMES_IN_A_ROW && !run.hasParentSpoken());
  } while (run.readable(source.fd) === "descriptor");
  run.receive("enough");
  run.reached("done", { account: relay.account });
}

/** The program in the other namespace: an AF_INET socket, and nothing of the relay's. */
async function receive(run: ChildRun, overrides: typeof childOverrides): Promise<void> {
  const digest = await sha256();
  run.reached("started");
  const { message: { interface: name, to } } = run.receive("listen");
  using listening = memberOf(to, if_nametoindex(name), name);
  run.reached("listening");
  let digests: string[] = [];
  const send = () => {
    if (digests.length > 0) run.reached("received", { digests });
    digests = [];
  };
  do {
    for (const payload of datagramsOf(listening.fd)) {
      overrides.receive(digests, digest(payload));
      if (digests.length >= DIGESTS_PER_MESSAGE) send();
    }
    send();
  } while (run.readable(listening.fd) === "descriptor");
  run.receive("enough");
  run.reached("done");
}

/** The experiment. */
export const relay: Experiment = {
  module: import.meta.url,
  name: "relay",
  title: "Multicast Relay",
  question: "Can a hardened worker relay multicast by two passed sockets, and do nothing else?",
  decisions: ["D1", "D18", "D24"],
  capabilities: ["CAP_NET_ADMIN"],
  whyNoAnswer: whyNoLargeReceiveBuffer,
  plan: [
    "RELAY-01",
    "RELAY-02",
    "RELAY-03",
    "RELAY-04",
    "RELAY-05",
    "RELAY-06",
    "RELAY-07",
    "RELAY-08",
    "RELAY-09",
    ...CONFINEMENT_CHECKS,
  ],
  byChildsWord: ["RELAY-03"],
  parent,
  child,
};

/** For SO_RCVBUFFORCE; and for SO_BINDTODEVICE, before Linux 5.7. */
const RECEIVER_NEEDS = ["net_admin", "net_raw"];

/** Starts the receiver; when this returns, it is in a network namespace of its own. */
async function startReceiver(run: ParentRun): Promise<Child> {
  const receiver = run.start({ launcher: [...IN_OWN_NAMESPACE, ...birthWith(RECEIVER_NEEDS)] });
  receiver.send({ type: "role", role: "receiver" });
  await receiver.reached("started");
  return receiver;
}

/** An AF_INET socket that is bound to a group and a port, and a member of the group on an interface. */
function memberOf(endpoint: Ipv4Endpoint, ifindex: number, name: string): OwnedFd {
  const member = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  setsockopt(member.fd, SOL_SOCKET, SO_REUSEADDR, 1);
  enlargeReceiveBuffer(member.fd);
  setsockopt(member.fd, SOL_SOCKET, SO_BINDTODEVICE, cString(name));
  bind(member.fd, inetAddress(endpoint));
  joinGroup(member.fd, endpoint.address, ifindex);
  return member;
}

/** What a relay without a packet socket would receive by. */
function ordinaryReceiver(from: Ipv4Endpoint, { ifindex, name }: Link): OwnedFd {
  return memberOf(from, ifindex, name);
}

/** The payloads that are queued on a socket. */
function datagramsOf(fd: number): Uint8Array<ArrayBuffer>[] {
  const buffer = new ReceiveBuffer(1 << 16);
  const datagrams: Uint8Array<ArrayBuffer>[] = [];
  for (;;) {
    const length = buffer.receive(fd, MSG_DONTWAIT);
    if (length === -1) return datagrams;
    datagrams.push(buffer.bytes.slice(0, length));
  }
}

/** How many strays a witness sees, which must see one; it may take a processor that has much to do a moment. */
async function straysSeenBy(witness: Witness): Promise<number> {
  for (const deadline = Date.now() + PATIENCE;;) {
    const { length } = witness.takeStrays();
    const left = deadline - Date.now();
    if (length > 0 || left <= 0) return length;
    await pollAsync([witness.fd], POLLIN, left);
  }
}

/** Who has to do with the datagrams that are under way. */
interface Parties {
  readonly stimulus: RelayStimulus;
  readonly leaving: Witness;
  readonly receiver: Child | undefined;
  /** What the receiver has said. */
  readonly received: string[];
}

/** Sends datagrams until there are so many, as many at once as may be under way, and waits until all have come or one does not. */
async function exchange(parties: Parties, total: number): Promise<void> {
  const { stimulus, leaving, receiver, received } = parties;
  for (;;) {
    leaving.look();
    const done = receiver === undefined ? leaving.datagrams.length : received.length;
    if (done >= total) return;
    while (stimulus.sent.length < total && stimulus.sent.length - done < WINDOW) stimulus.send();
    if (receiver === undefined) {
      const [seen] = await pollAsync([leaving.fd], POLLIN, PATIENCE);
      if (seen === 0) return;
    } else {
      const detail = await receiver.reachedWithin(PATIENCE, "received");
      if (detail === undefined) return;
      takeDigests(received, detail.digests, stimulus.sent.length);
    }
  }
}

/** Takes what was still on its way to the receiver, and waits for its end. */
async function endReceiver({ receiver, received, stimulus }: Parties): Promise<void> {
  if (receiver === undefined) return;
  receiver.send({ type: "enough" });
  for (;;) {
    const { stage, detail } = await receiver.reachedEither("received", "done");
    if (stage === "done") break;
    takeDigests(received, detail.digests, stimulus.sent.length);
  }
  await receiver.ended();
}

/** How many sockets are members of a group on an interface. Source: igmp_mc_seq_show in net/ipv4/igmp.c. */
function membersOf(group: string, { ifindex }: Link): number {
  const [a, b, c, d] = ipv4Bytes(group)!;
  const name = [d, c, b, a].map((byte) => byte.toString(16).padStart(2, "0")).join("")
    .toUpperCase();
  let isHere = false;
  for (const line of readTextFile("/proc/net/igmp").split("\n")) {
    const device = line.match(/^(\d+)\t/);
    if (device !== null) isHere = Number(device[1]) === ifindex;
    const membership = line.match(/^\t+([0-9A-F]{8}) +(\d+) /);
    if (isHere && membership?.[1] === name) return Number(membership[2]);
  }
  return 0;
}

/** RELAY-01. */
function judgeMembership(before: number, after: number): Finding {
  return judged(
    after === before + 1,
    `${after} member(s), ${before} before`,
    { file: "/proc/net/igmp", before, after },
  );
}

/** RELAY-02. The parent's copy is the same open file description as the worker's: what the worker did to it shows here. */
function judgeEgress(
  [agreed, atTheEnd]: readonly EgressIdentity[],
  link: Link,
  to: Ipv4Endpoint,
): Finding {
  const { source } = agreed;
  const wanted = { interface: link.name, source, peer: inEndpointWords(to), ttl: 1, loop: false };
  const different = (Object.keys(wanted) as (keyof EgressIdentity)[]).filter((name) =>
    agreed[name] !== wanted[name] || atTheEnd[name] !== wanted[name]
  );
  return judged(
    different.length === 0,
    different.length === 0
      ? `connected to ${wanted.peer} by "${wanted.interface}", TTL 1, before and after`
      : `different: ${different.join(", ")}`,
    { wanted, before: agreed, after: atTheEnd },
  );
}

/** RELAY-03, as the worker has it. */
function judgeAttempts(outcomes: { readonly [name: string]: string }): Finding {
  const attempts = Object.entries(outcomes);
  const others = attempts.filter(([, outcome]) => outcome !== "EPERM");
  return judged(
    others.length === 0,
    others.length === 0
      ? `${attempts.length} of ${attempts.length} attempts refused with EPERM`
      : others.map(([name, outcome]) => `${name}: ${outcome}`).join(", "),
    { outcomes },
  );
}

/** RELAY-03 from outside, and RELAY-04. */
function judgeStrays(strays: readonly string[], controls: readonly number[]): Finding {
  return judged(
    strays.length === 0 && controls.every((seen) => seen > 0),
    strays.length === 0
      ? `nothing else on either interface; of the control ${controls.join(" and ")} frame(s)`
      : `${strays.length} frames of the worker's beside them: ${strays.slice(0, 4).join(", ")}`,
    { strays: strays.slice(0, 32), controls },
  );
}

/** RELAY-05, RELAY-06. */
function judgeComparison(comparison: Comparison): Finding {
  const { sent, arrived, again, disordered, foreign } = comparison;
  return judged(
    isWhole(comparison) && foreign === 0,
    `${arrived} of ${sent} datagrams; ${again} twice, ${disordered} out of order, ${foreign} foreign`,
    { ...comparison },
  );
}

function total(counts: { readonly [name: string]: number }): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** RELAY-07. */
function judgeAccount(
  account: RelayAccount,
  { invalid, sent }: RelayStimulus,
  left: Comparison,
): Finding {
  const { dropped, refused, relayed } = account;
  const reasons = Object.keys(DROP_REASONS) as (keyof typeof DROP_REASONS)[];
  const different = reasons.filter((reason) => dropped[reason] !== (invalid.get(reason) ?? 0));
  const isRight = different.length === 0 && relayed === left.arrived + left.again + left.foreign &&
    refused + relayed === sent.length;
  const counted = reasons.filter((reason) => dropped[reason] > 0)
    .map((reason) => `${dropped[reason]} ${reason}`).join(", ");
  return judged(
    isRight && total(dropped) > 0,
    different.length === 0
      ? `${relayed} passed on; ${counted}`
      : different.map((reason) => `${reason}: ${dropped[reason]} of ${invalid.get(reason) ?? 0}`)
        .join(", "),
    { account, sent: { datagrams: sent.length, ...Object.fromEntries(invalid) } },
  );
}

/** RELAY-08. */
function judgeFilter(
  { packets, drops }: { packets: number; drops: number },
  passing: number,
  filtered: number,
): Finding {
  return judged(
    packets === passing && drops === 0 && filtered > 0,
    `${packets} of ${
      passing + filtered
    } frames reached the socket, ${filtered} to be kept, ${drops} dropped`,
    { tp_packets: packets, tp_drops: drops, sent_to_pass: passing, sent_to_be_kept: filtered },
  );
}

/** RELAY-09. */
function judgeReversePath(
  controlled: { readonly ordinary: Comparison; readonly relay: Comparison },
  underFilter: number,
  left: Comparison,
): Finding {
  const { ordinary, relay } = controlled;
  return judged(
    isWhole(ordinary) && isWhole(relay) && underFilter === 0 && isWhole(left),
    `off: AF_INET ${ordinary.arrived} of ${ordinary.sent}, relay ${relay.arrived}; ` +
      `strict: AF_INET ${underFilter} of ${left.sent - relay.sent}, relay ${
        left.arrived - relay.arrived
      }`,
    { off: { ...controlled }, strict: { ordinary: underFilter, relay: { ...left } } },
  );
}

/** What the worker says of its work. */
function asAccount(detail: { [name: string]: unknown }): RelayAccount {
  const said = asObject(detail.account, "account");
  const asCount = (fields: { [name: string]: unknown }, name: string) =>
    asInteger(fields[name], name, 0, 2 ** 40);
  const dropped = asObject(said.dropped, "dropped");
  return {
    received: asCount(said, "received"),
    relayed: asCount(said, "relayed"),
    dropped: Object.fromEntries(
      Object.keys(DROP_REASONS).map((reason) => [reason, asCount(dropped, reason)]),
    ) as RelayAccount["dropped"],
    refused: asCount(said, "refused"),
    retried: asCount(said, "retried"),
  };
}

if (import.meta.main) Deno.exit(await runChild([relay], Deno.args));
