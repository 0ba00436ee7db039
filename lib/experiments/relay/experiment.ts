/**
 * D1, D18, D24 in one small relay: can a worker with nothing but two passed sockets relay
 * multicast, and do nothing else?
 *
 *     parent (root)                        worker (hardened)         receiver (its own namespace)
 *     joins the group by a helper socket   .                         .
 *     packet socket, filter, bind          .                         .
 *     veth pair to the other namespace ────────────────────────────▶ joins the output group
 *     UDP socket connected to that group   .                         .
 *     control: sends stray datagrams by
 *     both; the witnesses see them         .                         .
 *     passes both sockets ───────────────▶ drops, hardened           .
 *     .                                    tries to send elsewhere   .
 *     rp_filter off: injects ────────────▶ takes out the payloads ─▶ receives
 *     rp_filter strict: injects again ───▶ counts invalid frames     .
 *     compares ◀────────────────────────── sends its counts          sends digests ─▶ parent
 *     checks what the witnesses saw        .                         .
 *
 * With `--out IFACE` the datagrams leave by that interface. There is no receiver then: the witness
 * on that interface sees what leaves.
 *
 * @module
 */

import { AF_INET, ETH_P_ALL, SOCK_CLOEXEC, SOCK_DGRAM } from "../../../ffi/abi/constants.ts";
import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { socket } from "../../../ffi/socket/calls.ts";
import type { Ipv4Flow } from "../../../ffi/socket/inet.ts";
import { proveConfinement } from "../../confine/proof.ts";
import { launcherFor } from "../../confine/launcher.ts";
import { ALL_PROTECTIONS } from "../../confine/protections.ts";
import { protectSocket } from "../../confine/socket_protections.ts";
import { becomeWorker, protectWorker } from "../../confine/worker_protections.ts";
import { startWorker } from "../../confine/start.ts";
import { CONFINEMENT_CHECKS } from "../../evidence/checks.ts";
import { type Conclusion, leftOut } from "../../evidence/evidence.ts";
import { runChild } from "../../harness/child_main.ts";
import type { ChildRun } from "../../harness/child_run.ts";
import { compare, sha256 } from "../../harness/digests.ts";
import type { Experiment } from "../../harness/experiment.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import { requireStimulus } from "../../host/interfaces.ts";
import { destinationFilter, groupFilter } from "../../packets/filters.ts";
import type { LinkLayer } from "../../packets/link_layer.ts";
import { enableOffloadHeader } from "../../packets/offload_header.ts";
import {
  boundPacketSocket,
  enlargeReceiveBuffer,
  takeStatistics,
  whyNoLargeReceiveBuffer,
} from "../../packets/socket.ts";
import {
  drain,
  type FrameSource,
  openFrameSource,
  type ReceivePath,
  usesIoUring,
} from "../../receive/mod.ts";
import { asAccount } from "./account.ts";
import { Arrivals } from "./arrivals.ts";
import { controlOutput, controlStrays } from "./control.ts";
import {
  describeEgress,
  formatEndpoint,
  formatGroup,
  longestOutputOf,
  openEgress,
} from "./egress.ts";
import { attemptElsewhere, newControlText } from "./elsewhere.ts";
import { Exchange } from "./exchange.ts";
import { longestPayload } from "./frames.ts";
import {
  judgeAccount,
  judgeAttempts,
  judgeEgress,
  judgeGroupFilter,
  judgeMembership,
  judgePassage,
  judgeReversePath,
  judgeStrays,
  type Limits,
  total,
} from "./judge.ts";
import { join, membershipFile, membersOf } from "./membership.ts";
import { FAR_END, FarNamespace, NEAR_ADDRESS, requireNamespaces } from "./namespace.ts";
import { isSourceSpecific, relayOptions, type RelaySetting } from "./options.ts";
import { LISTEN, RELAY, ROLE } from "./orders.ts";
import { partsOf, passageOf } from "./passage.ts";
import { openReceiver, receive, startReceiver, takePayloads } from "./receiver.ts";
import { Relay } from "./relay.ts";
import { ReversePathFilter, whyNotChangeable } from "./reverse_path.ts";
import { RelayStimulus } from "./stimulus.ts";
import { OutputWitness } from "./witness.ts";

/** How many datagrams are sent first, while reverse path filtering is off. */
const CONTROLS = 100;

/** The worker's receive path, unless an option names another. */
const DEFAULT_PATH: ReceivePath = "tpacket-v3";

/** Steps of the parent that a test may override. */
export const parentOverrides = {
  join,
  protectSocket,
  openEgress,
  controlOutput,
  setReversePath: (filter: ReversePathFilter, mode: "off" | "strict"): void => filter.set(mode),
};

/** The privileged program. */
export async function parent(
  run: ParentRun<RelaySetting>,
  overrides = parentOverrides,
): Promise<Conclusion> {
  const { link, stimulus: stimulusLink, identity, count, receive = DEFAULT_PATH } = run.setting;
  const { from, to, out } = run.options;
  const far = requireStimulus(stimulusLink, link);
  if (out === undefined) requireNamespaces();
  const digest = await sha256();

  // A member that receives nothing: with it, routers and switches forward the group here.
  run.step(`Joining ${formatGroup(from)} on "${link.name}"...`);
  const before = membersOf(from, link.ifindex);
  using helper = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  overrides.join(helper.fd, from, link.ifindex);
  const after = membersOf(from, link.ifindex);
  run.check("RELAY-01", judgeMembership(before, after, membershipFile(from)));
  run.done(`A helper socket has joined the group (FD: ${helper.fd})`, "RELAY-01");

  run.step("Creating AF_PACKET socket...");
  using packetSocket = boundPacketSocket(link.ifindex, ETH_P_ALL);
  enableOffloadHeader(packetSocket.fd); // joined datagrams are divided again
  enlargeReceiveBuffer(packetSocket.fd); // for receive paths without a ring
  const filter = groupFilter(from, link.layer);
  overrides.protectSocket(packetSocket.fd, ALL_PROTECTIONS, filter);
  run.done(
    `AF_PACKET socket created, only for UDP to ${formatGroup(from)} (FD: ${packetSocket.fd})`,
  );

  // The output ends in the receiver's own network namespace, which shares nothing with this one.
  await using receiver = out === undefined ? await startReceiver(run) : undefined;
  const inputMtu = Math.min(link.mtu, far.mtu);
  using namespace = receiver && new FarNamespace(receiver.pid, inputMtu);
  const egressLink = namespace?.near ?? out!;
  if (receiver !== undefined) {
    run.step("Starting a receiver in another network namespace...");
    receiver.order(LISTEN, {
      interface: FAR_END,
      to: isSourceSpecific(to) ? { ...to, source: NEAR_ADDRESS } : to,
    });
    await receiver.reached("listening");
    run.done(`The receiver has joined ${to.address} there (PID: ${receiver.pid})`);
  }

  run.step("Creating a UDP socket that is connected to the destination...");
  using egress = overrides.openEgress(egressLink, to);
  const agreed = describeEgress(egress.fd);
  run.done(`${agreed.source} → ${agreed.peer} via "${agreed.interface}" (FD: ${egress.fd})`);

  // What the links carry; what root's own sockets see of the frames that arrive and leave.
  const longest = longestPayload(link, far);
  const longestOutput = longestOutputOf(egress.fd);
  using stimulus = new RelayStimulus(far, from, { longest, longestOutput }, digest);
  const reading = { from, longest: longestOutput, digest, injections: stimulus };
  using arriving = new Arrivals(link, { ...reading, filter: destinationFilter(from.address) });
  using passing = new Arrivals(link, { ...reading, filter });
  const control = newControlText();
  const expected = { source: agreed.source, to, digest, control };
  using leaving = new OutputWitness(egressLink, "outgoing", expected);
  using inward = new OutputWitness(far, "incoming", expected);
  const { signal } = run.context;
  const inputs = [arriving, passing];
  using flow = new Exchange(stimulus, longest, inputs, leaving, inward, receiver, signal);
  run.detail(
    `datagrams of 0 to ${longest} bytes; the output carries up to ${longestOutput}`,
  );

  // The control: a holder of these sockets can send elsewhere by both, and the witnesses see it.
  // A datagram to the destination leaves, too, and reaches the receiver.
  using sender = boundPacketSocket(link.ifindex, 0);
  const { ifindex, layer } = link;
  const outputs = [leaving, inward] as const;
  const controls = await controlStrays(egress.fd, { fd: sender.fd, layer }, outputs, control);
  const whyNoOutput = await overrides.controlOutput(flow, egress.fd, digest);
  run.detail(
    `control: the parent sent a stray frame through each socket; the witnesses saw ${
      controls.join(" and ")
    }; a datagram to the destination: ${whyNoOutput ?? "came out"}`,
  );

  run.step("Passing both sockets to the worker...");
  await using worker = run.start({ launcher: launcherFor(identity, ALL_PROTECTIONS) });
  const orders = { protections: ALL_PROTECTIONS, receive, from, ifindex, layer };
  worker.order(ROLE, { role: "worker" });
  worker.order(RELAY, { ...identity, ...orders }, [packetSocket.fd, egress.fd]);
  run.done(`Two descriptors passed via SCM_RIGHTS to PID ${worker.pid}`);
  await worker.reached("ready");
  const given = { packetFd: packetSocket.fd, egressFd: egress.fd, ioUring: usesIoUring(receive) };
  run.checkHardened(worker, given);
  takeStatistics(packetSocket.fd); // frames so far do not count

  run.step(`Relaying from ${formatGroup(from)}:${from.port} to ${formatEndpoint(to)}...`);
  using ordinary = openReceiver(from, link); // a receiver without a packet socket
  const whyLeftAlone = whyNotChangeable(link);
  using reversePath = whyLeftAlone === undefined ? new ReversePathFilter(link) : undefined;

  if (reversePath !== undefined) overrides.setReversePath(reversePath, "off");
  await flow.run(CONTROLS);
  const offUntil = stimulus.sent.length;
  const whileOff = takePayloads(ordinary.fd).map(digest);
  if (reversePath !== undefined) overrides.setReversePath(reversePath, "strict");
  await flow.run(CONTROLS + Math.max(count, stimulus.round));
  const whileStrict = takePayloads(ordinary.fd).map(digest);

  worker.send({ type: "enough" });
  const account = asAccount(await worker.reached("done"));
  await worker.ended();
  const statistics = takeStatistics(packetSocket.fd);
  flow.settle();
  const strays = [...leaving.takeStrays(), ...inward.takeStrays()];
  const atTheEnd = describeEgress(egress.fd);
  flow[Symbol.dispose](); // the interface of a witness goes
  await flow.endReceiver(); // its namespace ends with it, and then the interface into it

  // A witness that missed nothing saw the truth; else the one with the worker's filter did.
  const arrivals = arriving.lost === 0 ? arriving : passing;
  const { bounds } = passing;
  const limits: Limits = {
    whyNoOutput,
    missedInput: arrivals.lost,
    missedOutput: leaving.lost,
    drops: statistics.drops,
    others: arrivals.datagrams.filter(({ isOurs }) => !isOurs).length,
    ours: stimulus.datagrams,
  };
  const filtered = { ...limits, missedInput: passing.lost };
  const left = passageOf(stimulus.sent.length, arrivals.datagrams, leaving.datagrams);
  const arrived = passageOf(stimulus.sent.length, arrivals.datagrams, flow.received);
  run.check("RELAY-02", judgeEgress([agreed, atTheEnd], egressLink, to));
  const missedStrays = leaving.lost + inward.lost;
  const judgedStrays = judgeStrays(strays, controls, missedStrays);
  const restsOnInterface = strays.length === 0; // a stray frame is one, whatever happened since
  run.check("RELAY-03", judgedStrays, ["parent"], restsOnInterface);
  run.check("RELAY-04", judgedStrays, ["parent"], restsOnInterface);
  run.check("RELAY-05", judgePassage(left, limits));
  if (receiver === undefined) run.check("RELAY-06", leftOut(`--out ${egressLink.name}`));
  else run.check("RELAY-06", judgePassage(arrived, limits), ["answer"]);
  const seenLeft = leaving.datagrams.length;
  run.check("RELAY-07", judgeAccount(account, stimulus, bounds, seenLeft, filtered), [
    "parent",
    "child",
  ]);
  run.check("RELAY-08", judgeGroupFilter(statistics, stimulus, bounds, filtered));
  const compareBoth = (wanted: readonly string[], ordinarily: readonly string[]) => ({
    ordinary: compare(wanted, ordinarily),
    relay: compare(wanted, leaving.datagrams),
  });
  const parts = partsOf(stimulus, offUntil, arrivals.datagrams);
  run.check(
    "RELAY-09",
    whyLeftAlone === undefined
      ? judgeReversePath({
        off: compareBoth(parts.first, whileOff),
        strict: compareBoth(parts.second, whileStrict),
      }, limits)
      : leftOut(whyLeftAlone),
  );
  run.done(
    `${left.arrived} of ${left.sent} datagrams of 0 to ${
      Math.min(longest, longestOutput)
    } bytes relayed`,
    "RELAY-05",
    "RELAY-06",
  );
  run.done(
    `${
      total(account.dropped)
    } invalid frames dropped by the worker, ${stimulus.filtered} by the filter, ` +
      `of ${stimulus.kinds.length} kinds`,
    "RELAY-07",
    "RELAY-08",
  );
  run.done("Reverse path filtering does not affect the relay", "RELAY-09");
  run.step("Results:");
  run.done("The worker is confined on every thread", ...CONFINEMENT_CHECKS);
  run.done("The worker can send only to the one destination", "RELAY-02", "RELAY-03", "RELAY-04");
  run.figure("datagrams sent", left.sent);
  run.figure("datagrams relayed", account.relayed);
  run.figure("datagrams sent again", account.retried);
  run.figure("tp_packets", statistics.packets);
  run.figure("tp_drops", statistics.drops);

  return {
    headline: "An unprivileged worker relays multicast, and can do nothing else!",
    points: [
      `${left.arrived} datagrams were relayed, each once, in order, unchanged`,
      "Fragments, malformed and foreign frames were dropped, and counted by reason",
      ...reversePath === undefined
        ? []
        : ["Datagrams that reverse path filtering keeps from an AF_INET socket were relayed too"],
      "Every attempt to send elsewhere was refused, and no other frame left",
    ],
    decision: "D1 (AF_PACKET) and D24 (Privilege Separation) are viable for a relay",
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
    from: Ipv4Flow,
    layer: LinkLayer,
  ): Pick<Relay, "turn" | "account"> => new Relay(source, egressFd, from, layer),
  /** Keeps the digest of a payload that the receiver received. */
  receive: (digests: string[], digest: string): void => void digests.push(digest),
};

/** How many frames the worker handles before it checks for a message from the parent. */
const FRAMES_PER_TURN = 256;

/** The program of the worker; a child with the other role runs the receiver's. */
export async function child(run: ChildRun, overrides = childOverrides): Promise<void> {
  if (run.receive(ROLE).message.role === "receiver") {
    return await receive(run, overrides.receive);
  }
  const { message, descriptors } = run.receive(RELAY, 2);
  const { uid, gid, from, ifindex, layer } = message;
  using packetSocket = new OwnedFd(descriptors[0]);
  using egress = new OwnedFd(descriptors[1]);
  const given = { packetFd: packetSocket.fd, egressFd: egress.fd, channelFd: run.channelFd };

  const openSource = () => overrides.openSource(message.receive, packetSocket.fd);
  using source = startWorker(run, given, message, openSource, overrides);
  run.checks(await proveConfinement({ ...given, sourceFd: source.fd }, { uid, gid }));

  // A compromised worker would try this first.
  run.check("RELAY-03", judgeAttempts(attemptElsewhere({ ...given, ifindex, layer })));
  drain(source);
  run.reached("ready");

  const relay = overrides.relay(source, egress.fd, from, layer);
  do {
    while (relay.turn(FRAMES_PER_TURN) === FRAMES_PER_TURN && !run.hasMessage());
  } while (run.readable(source.fd) === "descriptor");
  run.receive("enough");
  run.reached("done", { account: relay.account });
}

/** The experiment. */
export const relay: Experiment<RelaySetting> = {
  module: import.meta.url,
  name: "relay",
  title: "Multicast Relay",
  question:
    "Can a hardened worker relay multicast through two passed sockets, and do nothing else?",
  decisions: ["D1", "D18", "D24"],
  capabilities: ["CAP_NET_ADMIN", "CAP_SYS_PTRACE"],
  whyNoAnswer: whyNoLargeReceiveBuffer,
  options: relayOptions,
  links: ({ out }) => out === undefined ? [] : [out],
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

if (import.meta.main) Deno.exit(await runChild([relay], Deno.args));
