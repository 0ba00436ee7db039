/**
 * D1, D7: by which way can a worker receive, and does each bring every frame?
 *
 * The same stimulus, of every length from the shortest frame to the longest, is received in each way by an unprivileged child of its own. The child
 * says the SHA-256 of each frame that it got; the parent knows what it sent, and asks the kernel what it dropped.
 *
 *     for each way of receiving:
 *       parent                                          child
 *       socket, bind (and the ring, once)               .
 *       SCM_RIGHTS ───────────────────────────────────▶ drops, begins to receive
 *       frames ──────────────── veth ─────────────────▶ receives
 *       compares ◀───────────────────────────────────── digests
 *       PACKET_STATISTICS
 *
 * @module
 */

import { ETH_P_ALL } from "../../../ffi/abi/constants.ts";
import { setUpPacketRing } from "../../../ffi/packet/packet_ring.ts";
import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import type { CheckId } from "../../evidence/checks.ts";
import { runChild } from "../../harness/child_main.ts";
import type { ChildRun } from "../../harness/child_run.ts";
import { judgeCredentials } from "../../confine/judge.ts";
import { proveConfinement } from "../../confine/proof.ts";
import { checkHardened } from "../../harness/hardened.ts";
import { CONFINEMENT_CHECKS } from "../../evidence/checks.ts";
import { type Digest, DIGESTS_PER_MESSAGE, sha256, takeDigests } from "../../harness/digests.ts";
import {
  type Conclusion,
  type Finding,
  judged,
  type SeenBy,
  skipped,
} from "../../evidence/evidence.ts";
import type { Experiment } from "../../harness/experiment.ts";
import { RECEIVER, type ReceiverOrders } from "./orders.ts";
import {
  boundPacketSocket,
  enlargeReceiveBuffer,
  type PacketStatistics,
  takeStatistics,
  whyNoLargeReceiveBuffer,
} from "../../packets/socket.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import { threadCredentials } from "../../inspect/threads.ts";
import { becomeWorker, launcherFor, protectSocket } from "../../confine/protections.ts";
import {
  currentFrame,
  drain,
  type FrameSource,
  openFrameSource,
  type ReceivePath,
  usesIoUring,
  whyUnavailable,
} from "../../receive/mod.ts";
import { PacketRingSource, WORKER_RING } from "../../receive/tpacket_v3.ts";
import { requireStimulus } from "../../harness/setting.ts";
import { startWorker } from "../../confine/start.ts";
import { Stimulus } from "../../packets/stimulus.ts";
import type { Child } from "../../harness/child.ts";

/** Each way, with its check, and whether the parent sets the ring up. */
const WAYS: readonly { check: CheckId; receive: ReceivePath; isRingSetUp: boolean }[] = [
  { check: "PATH-01", receive: "recvmsg", isRingSetUp: false },
  { check: "PATH-02", receive: "recvfrom", isRingSetUp: false },
  { check: "PATH-03", receive: "recvmmsg", isRingSetUp: false },
  { check: "PATH-04", receive: "tpacket-v3", isRingSetUp: false },
  { check: "PATH-05", receive: "tpacket-v3", isRingSetUp: true },
  { check: "PATH-06", receive: "io-uring", isRingSetUp: false },
  { check: "PATH-07", receive: "io-uring-multishot", isRingSetUp: false },
];

/**
 * The parent sees the child's ids and the kernel's counters; only who received a frame has its digest. That it was received in this way is the
 * child's word.
 */
const SEEN_BY = ["parent", "answer", "child"] as const satisfies SeenBy[];

/** How many frames are sent at least. */
const FRAMES = 1000;

/** How many of them may be under way: the receive buffer holds them all. */
const WINDOW = 250;

/** How long a frame is waited for, in milliseconds: it is there at once, or lost. */
const PATIENCE = 1000;

/** The shortest and the longest frame of Ethernet, in bytes, without the checksum. Source: IEEE 802.3. */
const SHORTEST = 60, LONGEST = 1514;

/** Every length, in no simple order. */
const sizeOf = (sequence: number) => SHORTEST + sequence * 97 % (LONGEST - SHORTEST + 1);

/** The privileged program. */
export async function parent(run: ParentRun): Promise<Conclusion> {
  const { link, receive: only, count, identity, protections } = run.setting;
  const far = requireStimulus(run.setting.stimulus, link);
  const digest = await sha256();
  let proven = protections.length === 0;
  const worked = new Set<ReceivePath>();

  for (const { check, receive, isRingSetUp } of WAYS) {
    run.step(`Receiving by ${receive}${isRingSetUp ? ", set up by the parent" : ""}...`);
    const reason = only !== undefined && only !== receive
      ? `--receive ${only}`
      : whyUnavailable(receive);
    if (reason !== undefined) {
      run.check(check, skipped(reason));
      run.note("Left out", check);
      continue;
    }
    using packetSocket = boundPacketSocket(link.ifindex, ETH_P_ALL);
    enlargeReceiveBuffer(packetSocket.fd);
    if (isRingSetUp) setUpPacketRing(packetSocket.fd, WORKER_RING);
    protectSocket(packetSocket.fd, protections);
    await using worker = run.start({ launcher: launcherFor(identity, protections) });
    const orders = { receive, isRingSetUp, prove: !proven };
    worker.order(RECEIVER, { ...identity, protections, ...orders }, [packetSocket.fd]);
    await worker.reached("ready");
    const dropped = Object.values(judgeCredentials(threadCredentials(worker.pid), identity))
      .every(({ status }) => status === "pass");
    const given = { packetFd: packetSocket.fd, ioUring: usesIoUring(receive) };
    if (!proven) checkHardened(run, worker, given);
    proven = true;
    takeStatistics(packetSocket.fd); // what came before does not count

    using stimulus = new Stimulus(far, sizeOf);
    const digests = await exchange(worker, stimulus, Math.max(count, FRAMES), digest);
    const statistics = takeStatistics(packetSocket.fd);
    await worker.ended();
    run.check(check, judgeFrames(digests, statistics, dropped), SEEN_BY);
    const name = isRingSetUp ? `${receive}, set up by the parent` : receive;
    run.figure(`${name}: packets`, statistics.packets);
    run.figure(`${name}: drops`, statistics.drops);
    run.done(`${digests.sent.length} frames of ${SHORTEST} to ${LONGEST} bytes`, check);
    worked.add(receive);
  }
  if (protections.length > 0) {
    run.step("Results:");
    run.done("The workers were confined", ...CONFINEMENT_CHECKS);
  }
  const all = WAYS.every(({ receive }) => worked.has(receive));
  const ring = [...worked].some(usesIoUring);
  return {
    headline: `${all ? "Every way of receiving" : "What was looked at"} brings every frame!`,
    points: [...worked].map((path) => `${path}: once, in order, byte for byte`),
    decision: ring
      ? "D1 (AF_PACKET) and D7 (io_uring) are viable in an unprivileged worker (D24)"
      : "D1 (AF_PACKET) is viable in an unprivileged worker (D24); D7 was not looked at",
  };
}

/** Steps of the child that a test may override. */
export const childOverrides = {
  becomeWorker,
  openSource: ({ receive, isRingSetUp }: ReceiverOrders, packetFd: number): FrameSource =>
    isRingSetUp ? new PacketRingSource(packetFd) : openFrameSource(receive, packetFd),
};

/** The program that receives. */
export async function child(run: ChildRun, overrides = childOverrides): Promise<void> {
  const digest = await sha256(); // as long as files may be opened
  const { message, descriptors } = run.receive(RECEIVER, 1);
  const { uid, gid, prove } = message;
  using packetSocket = new OwnedFd(descriptors[0]);
  const sockets = { packetFd: packetSocket.fd, channelFd: run.channelFd };
  const openSource = () => overrides.openSource(message, packetSocket.fd);
  using source = startWorker(run, sockets, message, openSource, overrides);
  if (prove) run.checks(await proveConfinement({ ...sockets, sourceFd: source.fd }, { uid, gid }));
  drain(source);
  run.reached("ready");

  let digests: string[] = [];
  const send = () => {
    if (digests.length > 0) run.reached("received", { digests });
    digests = [];
  };
  do {
    while (source.next()) {
      digests.push(digest(currentFrame(source)));
      if (digests.length === DIGESTS_PER_MESSAGE) send();
    }
    send();
  } while (run.readable(source.fd) === "descriptor");
  run.receive("enough");
  run.reached("done");
}

/** The experiment. */
export const receivePaths: Experiment = {
  module: import.meta.url,
  name: "receive-paths",
  title: "Ways of Receiving",
  question: "By which way can an unprivileged worker receive, and does each bring every frame?",
  decisions: ["D1", "D7"],
  capabilities: ["CAP_NET_ADMIN"],
  whyNoAnswer: whyNoLargeReceiveBuffer,
  timeout: 60,
  plan: WAYS.map(({ check }) => check),
  parent,
  child,
};

/** What was sent and what was received, as digests. */
interface Digests {
  readonly sent: readonly string[];
  readonly received: readonly string[];
}

/** Sends frames, as many at once as may be under way, until all have come or one does not. */
async function exchange(
  worker: Child,
  stimulus: Stimulus,
  count: number,
  digest: Digest,
): Promise<Digests> {
  const sent: string[] = [], received: string[] = [];
  const awaited = new Set<string>();
  while (sent.length < count || awaited.size > 0) {
    while (sent.length < count && awaited.size < WINDOW) {
      const each = digest(stimulus.send());
      sent.push(each);
      awaited.add(each);
    }
    const detail = await worker.reachedWithin(PATIENCE, "received");
    if (detail === undefined) break;
    for (const each of takeDigests(received, detail.digests, sent.length)) awaited.delete(each);
  }
  worker.send({ type: "enough" });
  for (;;) { // what was still on its way
    const { stage, detail } = await worker.reachedEither("received", "done");
    if (stage === "done") return { sent, received };
    takeDigests(received, detail.digests, sent.length);
  }
}

/** Each frame once, in order, and no other of ours; what else came is foreign. */
function judgeFrames(
  { sent, received }: Digests,
  { packets, drops }: PacketStatistics,
  dropped: boolean,
): Finding {
  const place = new Map(sent.map((digest, i) => [digest, i]));
  const places = received.map((digest) => place.get(digest)).filter((i) => i !== undefined);
  const once = new Set(places).size;
  const disordered = places.filter((each, i) => i > 0 && each <= places[i - 1]).length;
  const figures = {
    sent: sent.length,
    received: once,
    lost: sent.length - once,
    again: places.length - once,
    disordered,
    foreign: received.length - places.length,
    tp_packets: packets,
    tp_drops: drops,
    unprivileged: dropped,
  };
  const holds = dropped && figures.lost === 0 && figures.again === 0 && disordered === 0 &&
    drops === 0;
  return judged(
    holds && sent.length > 0,
    `${once} of ${sent.length} frames; ${figures.again} twice, ${disordered} out of order, ` +
      `${figures.foreign} foreign, ${drops} dropped${dropped ? "" : "; by a privileged child"}`,
    figures,
  );
}

if (import.meta.main) Deno.exit(await runChild([receivePaths], Deno.args));
