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
import { sendTo, socket } from "../../../ffi/socket/calls.ts";
import { inetAddress, type Ipv4Endpoint, joinGroup } from "../../../ffi/socket/inet.ts";
import { proveConfinement } from "../../confine/proof.ts";
import { launcherFor } from "../../confine/launcher.ts";
import { ALL_PROTECTIONS } from "../../confine/protections.ts";
import { protectSocket } from "../../confine/socket_protections.ts";
import { becomeWorker, protectWorker } from "../../confine/worker_protections.ts";
import { startWorker } from "../../confine/start.ts";
import { CONFINEMENT_CHECKS } from "../../evidence/checks.ts";
import { type Conclusion, skipped } from "../../evidence/evidence.ts";
import { runChild } from "../../harness/child_main.ts";
import type { ChildRun } from "../../harness/child_run.ts";
import { compare, sha256 } from "../../harness/digests.ts";
import type { Experiment } from "../../harness/experiment.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import { requireStimulus } from "../../host/interfaces.ts";
import { groupFilter } from "../../packets/filters.ts";
import type { LinkLayer } from "../../packets/link_layer.ts";
import { ELSEWHERE } from "../../packets/marks.ts";
import { retryWhileFull, sendFrame } from "../../packets/send.ts";
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
import { describeEgress, formatEndpoint, openEgress } from "./egress.ts";
import { attemptElsewhere, strayFrame, strayPayload } from "./elsewhere.ts";
import { endReceiver, exchange } from "./exchange.ts";
import { LONGEST_PAYLOAD } from "./frames.ts";
import { INVALID_FRAMES } from "./invalid_frames.ts";
import {
  judgeAccount,
  judgeAttempts,
  judgeComparison,
  judgeEgress,
  judgeGroupFilter,
  judgeMembership,
  judgeReversePath,
  judgeStrays,
  total,
} from "./judge.ts";
import { membersOf } from "./membership.ts";
import { FAR_END, FarNamespace, requireNamespaces } from "./namespace.ts";
import { relayOptions, type RelaySetting } from "./options.ts";
import { LISTEN, RELAY, ROLE } from "./orders.ts";
import { openReceiver, receive, startReceiver, takePayloads } from "./receiver.ts";
import { Relay } from "./relay.ts";
import { ReversePathFilter, whyNotChangeable } from "./reverse_path.ts";
import { RelayStimulus, SEND_ATTEMPTS } from "./stimulus.ts";
import { OutputWitness } from "./witness.ts";

/** The fewest datagrams that are sent: every size once. */
const DATAGRAMS = LONGEST_PAYLOAD + 1;

/** How many are sent before them, while reverse path filtering is off. */
const CONTROLS = 100;

/** The longest wait for a stray frame of the control, in milliseconds. */
const CONTROL_TIMEOUT = 1000;

/** The worker's receive path, unless an option names another. */
const DEFAULT_PATH: ReceivePath = "tpacket-v3";

/** Steps of the parent that a test may override. */
export const parentOverrides = {
  joinGroup,
  protectSocket,
  openEgress,
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
  run.step(`Joining ${from.address} on "${link.name}"...`);
  const before = membersOf(from.address, link.ifindex);
  using helper = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  overrides.joinGroup(helper.fd, from.address, link.ifindex);
  run.check("RELAY-01", judgeMembership(before, membersOf(from.address, link.ifindex)));
  run.done(`A helper socket has joined the group (FD: ${helper.fd})`, "RELAY-01");

  run.step("Creating AF_PACKET socket...");
  using packetSocket = boundPacketSocket(link.ifindex, ETH_P_ALL);
  enlargeReceiveBuffer(packetSocket.fd); // for receive paths without a ring
  overrides.protectSocket(packetSocket.fd, ALL_PROTECTIONS, groupFilter(from.address, link.layer));
  run.done(`AF_PACKET socket created, only for UDP to ${from.address} (FD: ${packetSocket.fd})`);

  // The output ends in the receiver's own network namespace, which shares nothing with this one.
  await using receiver = out === undefined ? await startReceiver(run) : undefined;
  using namespace = receiver && new FarNamespace(receiver.pid);
  const egressLink = namespace?.near ?? out!;
  if (receiver !== undefined) {
    run.step("Starting a receiver in another network namespace...");
    receiver.order(LISTEN, { interface: FAR_END, to });
    await receiver.reached("listening");
    run.done(`The receiver has joined ${to.address} there (PID: ${receiver.pid})`);
  }

  run.step("Creating a UDP socket that is connected to the destination...");
  using egress = overrides.openEgress(egressLink, to);
  const agreed = describeEgress(egress.fd);
  run.done(`${agreed.source} → ${agreed.peer} via "${agreed.interface}" (FD: ${egress.fd})`);

  // The control: a holder of these sockets can send elsewhere by both, and the witnesses see it.
  const expected = { source: agreed.source, to, digest };
  using leaving = new OutputWitness(egressLink, expected);
  using arriving = new OutputWitness(far, expected);
  using inward = boundPacketSocket(link.ifindex, 0);
  retryWhileFull(
    () => sendTo(egress.fd, strayPayload(), 0, inetAddress(ELSEWHERE)),
    SEND_ATTEMPTS,
  );
  sendFrame(inward.fd, strayFrame(link.layer), SEND_ATTEMPTS);
  const controls = [
    await leaving.awaitStrays(CONTROL_TIMEOUT),
    await arriving.awaitStrays(CONTROL_TIMEOUT),
  ];
  run.detail(
    `control: the parent sent a stray frame through each socket; the witnesses saw ${
      controls.join(" and ")
    }`,
  );

  run.step("Passing both sockets to the worker...");
  await using worker = run.start({ launcher: launcherFor(identity, ALL_PROTECTIONS) });
  const { ifindex, layer } = link;
  const orders = { protections: ALL_PROTECTIONS, receive, from, ifindex, layer };
  worker.order(ROLE, { role: "worker" });
  worker.order(RELAY, { ...identity, ...orders }, [packetSocket.fd, egress.fd]);
  run.done(`Two descriptors passed via SCM_RIGHTS to PID ${worker.pid}`);
  await worker.reached("ready");
  const given = { packetFd: packetSocket.fd, egressFd: egress.fd, ioUring: usesIoUring(receive) };
  run.checkHardened(worker, given);
  takeStatistics(packetSocket.fd); // frames so far do not count

  run.step(`Relaying from ${formatEndpoint(from)} to ${formatEndpoint(to)}...`);
  using stimulus = new RelayStimulus(far, from, digest);
  using ordinary = openReceiver(from, link); // a receiver without a packet socket
  const whyLeftAlone = whyNotChangeable(link);
  using reversePath = whyLeftAlone === undefined ? new ReversePathFilter(link) : undefined;
  const received: string[] = [];
  const { signal } = run.context;
  const parties = { stimulus, leaving, receiver, received, signal };

  if (reversePath !== undefined) overrides.setReversePath(reversePath, "off");
  await exchange(parties, CONTROLS);
  const inControl = compare(stimulus.sent, takePayloads(ordinary.fd).map(digest));
  const controlled = { ordinary: inControl, relay: compare(stimulus.sent, leaving.datagrams) };
  if (reversePath !== undefined) overrides.setReversePath(reversePath, "strict");
  await exchange(parties, CONTROLS + Math.max(count, DATAGRAMS));
  const underFilter = takePayloads(ordinary.fd).length;

  worker.send({ type: "enough" });
  const account = asAccount(await worker.reached("done"));
  await worker.ended();
  const statistics = takeStatistics(packetSocket.fd);
  const strays = [...leaving.takeStrays(), ...arriving.takeStrays()];
  const atTheEnd = describeEgress(egress.fd);
  await endReceiver(parties); // its namespace ends with it, and then the interface into it

  const left = compare(stimulus.sent, leaving.datagrams);
  const arrived = compare(stimulus.sent, received);
  run.check("RELAY-02", judgeEgress([agreed, atTheEnd], egressLink, to));
  const restsOnInterface = strays.length === 0; // a stray frame is one, whatever happened since
  run.check("RELAY-03", judgeStrays(strays, controls), ["parent"], restsOnInterface);
  run.check("RELAY-04", judgeStrays(strays, controls), ["parent"], restsOnInterface);
  run.check("RELAY-05", judgeComparison(left));
  if (receiver === undefined) run.check("RELAY-06", skipped(`--out ${egressLink.name}`));
  else run.check("RELAY-06", judgeComparison(arrived), ["answer"]);
  run.check("RELAY-07", judgeAccount(account, stimulus, left), ["parent", "child"]);
  run.check("RELAY-08", judgeGroupFilter(statistics, stimulus));
  run.check(
    "RELAY-09",
    whyLeftAlone === undefined
      ? judgeReversePath(controlled, underFilter, left)
      : skipped(whyLeftAlone),
  );
  run.done(
    `${left.arrived} of ${left.sent} datagrams of 0 to ${LONGEST_PAYLOAD} bytes relayed`,
    "RELAY-05",
    "RELAY-06",
  );
  run.done(
    `${
      total(account.dropped)
    } invalid frames dropped by the worker, ${stimulus.filtered} by the filter, ` +
      `of ${INVALID_FRAMES.length} kinds`,
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
    from: Ipv4Endpoint,
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
  capabilities: ["CAP_NET_ADMIN"],
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
