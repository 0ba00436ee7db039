/**
 * D1, D7: by which receive paths can a worker receive, and does each bring every frame?
 *
 * For each receive path, a separate unprivileged child receives the same stimulus: frames of
 * every length, from the shortest to the longest. The child reports the SHA-256 of each frame that
 * it receives. The parent knows what it sent, sees by a socket of its own what arrived, and asks
 * the kernel how many frames were dropped. A filter on the passed socket keeps the traffic of
 * others out of its buffer.
 *
 *     for each receive path:
 *       parent                                          child
 *       socket, bind (and the ring, once)               .
 *       SCM_RIGHTS ───────────────────────────────────▶ drops, opens the receive path
 *       frames ──────────────── veth ─────────────────▶ receives
 *       compares ◀───────────────────────────────────── digests
 *       PACKET_STATISTICS
 *
 * @module
 */

import { ETH_P_ALL } from "../../../ffi/abi/constants.ts";
import { setUpPacketRing } from "../../../ffi/packet/packet_ring.ts";
import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { judgeCredentials } from "../../confine/judge.ts";
import { launcherFor } from "../../confine/launcher.ts";
import { proveConfinement } from "../../confine/proof.ts";
import { protectSocket } from "../../confine/socket_protections.ts";
import { startWorker } from "../../confine/start.ts";
import { becomeWorker } from "../../confine/worker_protections.ts";
import { type CheckId, CONFINEMENT_CHECKS } from "../../evidence/checks.ts";
import { CannotLook } from "../../evidence/errors.ts";
import { type Conclusion, judged, leftOut, type SeenBy } from "../../evidence/evidence.ts";
import type { Child } from "../../harness/child.ts";
import { runChild } from "../../harness/child_main.ts";
import type { ChildRun } from "../../harness/child_run.ts";
import { type Digest, DIGESTS_PER_MESSAGE, sha256, takeDigests } from "../../harness/digests.ts";
import type { Experiment } from "../../harness/experiment.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import { requireStimulus } from "../../host/interfaces.ts";
import { threadCredentials } from "../../inspect/threads/threads.ts";
import {
  boundPacketSocket,
  enlargeReceiveBuffer,
  LARGE_RECEIVE_BUFFER,
  takeStatistics,
  whyNoLargeReceiveBuffer,
} from "../../packets/socket.ts";
import { stimulusFilter } from "../../packets/filters.ts";
import { type LinkLayer, longestFrame } from "../../packets/link_layer.ts";
import { holdsStimulus, Stimulus } from "../../packets/stimulus.ts";
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
import { type Digests, judgeFrames } from "./judge.ts";
import { RECEIVER, type ReceiverOrders } from "./orders.ts";
import { DigestWitness } from "./witness.ts";

/** The receive paths, each with its check. The parent may set up the ring, if there is one. */
const PATHS: readonly { check: CheckId; receive: ReceivePath; isRingSetUp: boolean }[] = [
  { check: "PATH-01", receive: "recvmsg", isRingSetUp: false },
  { check: "PATH-02", receive: "recvfrom", isRingSetUp: false },
  { check: "PATH-03", receive: "recvmmsg", isRingSetUp: false },
  { check: "PATH-04", receive: "tpacket-v3", isRingSetUp: false },
  { check: "PATH-05", receive: "tpacket-v3", isRingSetUp: true },
  { check: "PATH-06", receive: "io-uring", isRingSetUp: false },
  { check: "PATH-07", receive: "io-uring-multishot", isRingSetUp: false },
];

/**
 * The parent sees the child's ids and the kernel's counters. Only a process that received a frame
 * knows its digest. For the receive path that it used there is only the child's word.
 */
const SEEN_BY = ["parent", "answer", "child"] as const satisfies SeenBy[];

/** The least number of frames sent. */
const FRAMES = 1000;

/** The most frames in flight. */
const WINDOW = 250;

/**
 * Returns how many frames of up to that length, in bytes, may be in flight: the receive buffer, of
 * which a frame takes up to twice its length, has room for all of them.
 */
const windowFor = (longest: number) => Math.min(WINDOW, Math.floor(LARGE_RECEIVE_BUFFER / longest));

/** The longest wait for a frame, in milliseconds. A frame arrives at once, or is lost. */
const PATIENCE = 1000;

/**
 * How long the child may receive without looking for a message of the parent, in milliseconds. It
 * is enough for every frame in flight, and a flood does not go on for ever.
 */
const LONGEST_TURN = 500;

/** How many frames of others, of the very kinds that are sent here, end the exchange. */
const FLOOD = 50_000;

/** The shortest frame of Ethernet, in bytes, without the checksum. Source: IEEE 802.3. */
const SHORTEST = 60;

/**
 * Returns the length of a frame by its number, in bytes. Every length occurs, in a scattered order,
 * if enough frames are sent: the factor is prime.
 */
const sizesUpTo = (longest: number) => (sequence: number) =>
  SHORTEST + sequence * 65537 % (longest - SHORTEST + 1);

/** The privileged program. */
export async function parent(run: ParentRun): Promise<Conclusion> {
  const { link, receive: only, count, identity, protections } = run.setting;
  const far = requireStimulus(run.setting.stimulus, link);
  const longest = longestFrame(link, far);
  const digest = await sha256();
  let proven = protections.length === 0;
  const worked = new Set<ReceivePath>();
  let unanswered: string | undefined;

  for (const { check, receive, isRingSetUp } of PATHS) {
    run.step(`Receiving by ${receive}${isRingSetUp ? ", set up by the parent" : ""}...`);
    const reason = only !== undefined && only !== receive
      ? `--receive ${only}`
      : whyUnavailable(receive);
    if (reason !== undefined) {
      run.check(check, leftOut(reason));
      run.note("Left out", check);
      continue;
    }
    using packetSocket = boundPacketSocket(link.ifindex, ETH_P_ALL, stimulusFilter());
    enlargeReceiveBuffer(packetSocket.fd);
    if (isRingSetUp) setUpPacketRing(packetSocket.fd, WORKER_RING);
    protectSocket(packetSocket.fd, protections, stimulusFilter());
    await using worker = run.start({ launcher: launcherFor(identity, protections) });
    const orders = { receive, isRingSetUp, prove: !proven, layer: link.layer };
    worker.order(RECEIVER, { ...identity, protections, ...orders }, [packetSocket.fd]);
    await worker.reached("ready");
    const dropped = Object.values(judgeCredentials(threadCredentials(worker.pid), identity))
      .every(({ status }) => status === "pass");
    if (!dropped) run.check(check, judged(false, "the child is privileged"), ["parent"], false);
    const given = { packetFd: packetSocket.fd, ioUring: usesIoUring(receive) };
    if (!proven) run.checkHardened(worker, given);
    proven = true;
    takeStatistics(packetSocket.fd); // resets the counters

    using stimulus = new Stimulus(far, sizesUpTo(longest));
    const wanted = Math.max(count, FRAMES);
    const exchanged = await exchange(run, worker, stimulus, wanted, digest);
    const statistics = takeStatistics(packetSocket.fd);
    await worker.ended();
    const finding = judgeFrames(exchanged, statistics, wanted, dropped);
    run.check(check, finding, SEEN_BY);
    const name = isRingSetUp ? `${receive}, set up by the parent` : receive;
    run.figure(`${name}: packets`, statistics.packets);
    run.figure(`${name}: drops`, statistics.drops);
    run.done(`${exchanged.sent.length} frames of ${SHORTEST} to ${longest} bytes`, check);
    if (finding.status === "skip") unanswered = finding.observed;
    if (finding.status === "pass") worked.add(receive);
  }
  if (protections.length > 0) {
    run.step("Results:");
    run.done("The workers were confined", ...CONFINEMENT_CHECKS);
  }
  if (unanswered !== undefined) throw new CannotLook(unanswered);
  const all = PATHS.every(({ receive }) => worked.has(receive));
  const ring = [...worked].some(usesIoUring);
  return {
    headline: `${all ? "Every receive path" : "Each receive path tried"} delivers every frame!`,
    points: [...worked].map((path) => `${path}: every frame once, in order, byte for byte`),
    decision: ring
      ? "D1 (AF_PACKET) and D7 (io_uring) are viable in an unprivileged worker (D24)"
      : "D1 (AF_PACKET) is viable in an unprivileged worker (D24); D7 was not tested",
  };
}

/** Steps of the child that a test may override. */
export const childOverrides = {
  becomeWorker,
  openSource: ({ receive, isRingSetUp }: ReceiverOrders, packetFd: number): FrameSource =>
    isRingSetUp ? new PacketRingSource(packetFd) : openFrameSource(receive, packetFd),
};

/** The unprivileged program, which receives. */
export async function child(run: ChildRun, overrides = childOverrides): Promise<void> {
  const digest = await sha256(); // loads the hash while files may still be opened
  const { message, descriptors } = run.receive(RECEIVER, 1);
  const { uid, gid, prove } = message;
  using packetSocket = new OwnedFd(descriptors[0]);
  const sockets = { packetFd: packetSocket.fd, channelFd: run.channelFd };
  const openSource = () => overrides.openSource(message, packetSocket.fd);
  using source = startWorker(run, sockets, message, openSource, overrides);
  if (prove) run.checks(await proveConfinement({ ...sockets, sourceFd: source.fd }, { uid, gid }));
  drain(source);
  run.reached("ready");

  do {
    sendDigests(run, source, message.layer, digest);
  } while (run.readable(source.fd) === "descriptor");
  run.receive("enough");
  sendDigests(run, source, message.layer, digest); // what came before that message
  run.reached("done");
}

/**
 * Reports the digests of the frames that are queued, as far as they have the form of the stimulus.
 */
function sendDigests(run: ChildRun, source: FrameSource, layer: LinkLayer, digest: Digest): void {
  let digests: string[] = [];
  const send = () => {
    if (digests.length > 0) run.reached("received", { digests });
    digests = [];
  };
  for (const end = performance.now() + LONGEST_TURN; performance.now() < end && source.next();) {
    const frame = currentFrame(source);
    if (!holdsStimulus(frame, layer)) continue;
    digests.push(digest(frame));
    if (digests.length === DIGESTS_PER_MESSAGE) send();
  }
  send();
}

/** The experiment. */
export const receivePaths: Experiment = {
  module: import.meta.url,
  name: "receive-paths",
  title: "Receive Paths",
  question:
    "Which receive paths can an unprivileged worker use, and does each deliver every frame?",
  decisions: ["D1", "D7"],
  capabilities: ["CAP_NET_ADMIN"],
  whyNoAnswer: whyNoLargeReceiveBuffer,
  timeout: 60,
  plan: PATHS.map(({ check }) => check),
  parent,
  child,
};

/**
 * Sends frames, at most {@linkcode windowFor} in flight, until as many as are wanted have arrived
 * and the child has received them, one that arrived is missing, or none arrives at all. A frame
 * that did not arrive is replaced by another one, as often as there are frames wanted.
 *
 * @param wanted How many frames must arrive.
 */
async function exchange(
  run: ParentRun,
  worker: Child,
  stimulus: Stimulus,
  wanted: number,
  digest: Digest,
): Promise<Digests> {
  const sent = new Set<string>(), awaited = new Set<string>(), received: string[] = [];
  using witness = new DigestWitness(run.setting.link.ifindex, sent, digest);
  const left = () => Math.min(wanted + neverArrived, 2 * wanted) - sent.size;
  const window = windowFor(longestFrame(run.setting.link));
  let neverArrived = 0;
  while (left() > 0 || awaited.size > 0) {
    while (left() > 0 && awaited.size < window) {
      const each = digest(stimulus.send());
      sent.add(each);
      awaited.add(each);
    }
    const detail = await worker.reachedWithin(PATIENCE, "received");
    witness.look();
    if (witness.others > FLOOD) break;
    if (detail !== undefined) {
      for (const each of takeDigests(received, detail.digests, sent.size)) awaited.delete(each);
      continue;
    }
    if (witness.seen.length === 0 || witness.seen.some((each) => awaited.has(each))) break;
    neverArrived += awaited.size;
    awaited.clear();
  }
  worker.send({ type: "enough" });
  for (;;) { // digests that were still in flight
    const { stage, detail } = await worker.reachedEither("received", "done");
    witness.look();
    const { seen, others } = witness;
    const isFlooded = others > FLOOD;
    if (stage === "done") return { sent: [...sent], seen, received, others, isFlooded };
    takeDigests(received, detail.digests, sent.size);
  }
}

if (import.meta.main) Deno.exit(await runChild([receivePaths], Deno.args));
