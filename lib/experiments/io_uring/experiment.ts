/**
 * D7: does io_uring work on the passed socket, in the process that has no privilege? And the trap beside it: what does a ring do that was
 * made before the drop?
 *
 *     parent (root)                                 child (root, then USER)
 *     socket, bind                                  .
 *     sendmsg SCM_RIGHTS ─────────────────────────▶ receives it
 *     .                                             makes rings as root: plain, polled by the kernel, with a personality
 *     .                                             drops, and puts no_new_privs on every thread
 *     looks what they opened ◀───────────────────── has each early ring open root's file, and make a packet socket
 *     .                                             closes them
 *     looks at its threads and descriptors ◀─────── makes a ring
 *     for each operation:
 *       stimulus ─────────────── veth ────────────▶ receives by it; hands every frame on
 *     .                                             asks a restricted ring for everything else
 *
 * With `--harden`, the last operation is that of a second child, under all protections.
 *
 * @module
 */

import { ETH_P_ALL, O_CLOEXEC, O_PATH } from "../../../ffi/abi/constants.ts";
import { errnoName, SystemError } from "../../../ffi/abi/errno.ts";
import { IoUring } from "../../../ffi/io_uring/io_uring.ts";
import { dropPrivileges, getresuid } from "../../../ffi/process/credentials.ts";
import { close, OwnedFd } from "../../../ffi/process/descriptor.ts";
import { open, readLink, readTextFile } from "../../../ffi/process/file.ts";
import { compileFilter, installFilter } from "../../../ffi/seccomp/seccomp.ts";
import { runChild } from "../../harness/child_main.ts";
import type { ChildRun } from "../../harness/child_run.ts";
import type { CheckId } from "../../evidence/checks.ts";
import { CONFINEMENT_CHECKS } from "../../evidence/checks.ts";
import { proveConfinement } from "../../confine/proof.ts";
import { checkHardened } from "../../harness/hardened.ts";
import { childDescriptors } from "../../inspect/descriptors.ts";
import { linksOfPacketSockets } from "../../inspect/packet_sockets.ts";
import { type EarlyRequest, EarlyRings, ROOTS_FILE } from "../../confine/early_rings.ts";
import { type Conclusion, type Finding, judged, type SeenBy } from "../../evidence/evidence.ts";
import type { Experiment } from "../../harness/experiment.ts";
import { forwardFrames } from "../../harness/forward.ts";
import { InterfaceWitness } from "../../harness/interface_witness.ts";
import { whyNoOwnRings } from "../../host/kernel.ts";
import { asInteger, asObject, asText } from "../../harness/validate.ts";
import { SOCKET } from "../../harness/worker_orders.ts";
import { boundPacketSocket, describePacketSocket } from "../../packets/socket.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import { type ThreadCredentials, threadCredentials } from "../../inspect/threads.ts";
import {
  launcherFor,
  protectSocket,
  untilRingThreadsEnd,
  USUAL_LAUNCHER,
} from "../../confine/protections.ts";
import { ALLOW_EVERYTHING } from "../../confine/policy.ts";
import { drain, type FrameSource, openFrameSource, type ReceivePath } from "../../receive/mod.ts";
import { IoUringMultishotSource } from "../../receive/io_uring_multishot.ts";
import { restrictedRing } from "../../receive/restricted_ring.ts";
import { requireStimulus } from "../../harness/setting.ts";
import { Reception, type ReceptionOf } from "../../harness/reception.ts";
import { startWorker } from "../../confine/start.ts";
import { Stimulus } from "../../packets/stimulus.ts";
import { attemptForbidden, FEW_BUFFERS, RING_SOURCES, type RingOperation } from "./operations.ts";
import type { Child } from "../../harness/child.ts";

/** The ways to receive, in the order in which they are tried, each with its check. */
const RECEIVING: readonly (readonly [RingOperation, CheckId])[] = [
  ["RECV", "URING-02"],
  ["RECVMSG", "URING-03"],
  ["READ", "URING-04"],
  ["RECV, registered file", "URING-05"],
  ["multishot RECV", "URING-06"],
  ["multishot RECV, few buffers", "URING-07"],
  ["RECV, restricted ring", "URING-08"],
];

/** Rings from before the drop, each with its check and with what is known of it. */
const EARLY = {
  plain: { check: "URING-10", isRoot: false },
  polled: { check: "URING-11", isRoot: true },
  personality: { check: "URING-12", isRoot: true },
} as const;
type EarlyRing = keyof typeof EARLY;

/** What only root can do. */
const REQUESTS = ["open", "socket"] as const satisfies EarlyRequest[];

const PLAN: readonly CheckId[] = [
  "URING-01",
  ...RECEIVING.map(([, check]) => check),
  "URING-09",
  ...Object.values(EARLY).map(({ check }) => check),
  "URING-13",
];

/** That frames were received only their secrets can tell; that it was by this operation is the child's word. */
const BY_ANSWER = ["answer", "child"] as const satisfies SeenBy[];

/** What the hardened worker receives by. */
const receive: ReceivePath = "io-uring";

/** Steps of the parent that a test may override. */
export const parentOverrides = {
  /** By what the child is started that drops its privileges itself. */
  launcher: USUAL_LAUNCHER,
  /** The account of what a child receives. */
  reception: (run: ParentRun, child: Child, of: ReceptionOf): Reception =>
    new Reception(run, child, of),
};

/** The privileged program. */
export async function parent(run: ParentRun, overrides = parentOverrides): Promise<Conclusion> {
  const { link, stimulus: stimulusLink, identity, count, protections } = run.setting;
  using stimulus = new Stimulus(requireStimulus(stimulusLink, link));
  using witness = new InterfaceWitness(link.ifindex);

  run.step("Creating AF_PACKET socket...");
  using packetSocket = boundPacketSocket(link.ifindex, ETH_P_ALL);
  const { cookie } = describePacketSocket(packetSocket.fd);
  run.done(`AF_PACKET socket created (FD: ${packetSocket.fd})`);

  run.step("Spawning child process, passing the socket...");
  await using child = run.start({ launcher: overrides.launcher });
  child.order(SOCKET, { ...identity, count, protections: [], receive }, [packetSocket.fd]);
  run.done(`FD passed to PID ${child.pid} via SCM_RIGHTS`);

  // What the rings from before the drop have opened is open now, in the child: it is looked at, not asked for.
  const { rings } = await child.reached("dropped");
  run.step("Looking at what rings from before the drop have opened...");
  for (const [ring, { check, isRoot }] of Object.entries(EARLY)) {
    run.check(check, judgeEarly(child.pid, asObject(rings, "rings")[ring], isRoot), [
      "parent",
      "child",
    ]);
  }
  run.done("A plain ring acts as whoever uses it", "URING-10");
  run.done("A polled ring and a registered personality are still root", "URING-11", "URING-12");
  child.send({ type: "next" });
  const closed = await child.reached("closed");
  run.check("URING-13", judgeClosed(child.pid, asObject(closed.rings, "rings")), [
    "parent",
    "child",
  ]);
  run.done("Closed, none of them is", "URING-13");

  // The ring of a process without privilege, seen from outside. The polled ring's thread was one of its own, and root.
  child.send({ type: "next" });
  const { ring } = await child.reached("ready");
  const seenRing = linkOf(child.pid, asInteger(ring, "ring", 0, 1 << 20));
  const seenBy = ["parent", "child"] as const; // that it was made after the drop is the child's word
  run.check("URING-01", judgeRing(threadCredentials(child.pid), seenRing), seenBy);

  for (const [operation, check] of RECEIVING) {
    const isBurst = operation === "multishot RECV, few buffers";
    const wanted = isBurst ? 3 * FEW_BUFFERS : count;
    await child.reached("receiving");
    const reception = overrides.reception(run, child, { stimulus, witness });
    if (isBurst) reception.sendAhead(wanted); // before the child looks, so that the buffers run out
    child.send({ type: "next" });
    await reception.until(wanted);
    child.send({ type: "enough" });
    const { ends } = await child.reached("done", (frame) => reception.account(frame));
    const ended = ends === null ? null : asInteger(ends, "ends", 0, 1 << 30);
    run.check(check, judgeReceiving(reception.judgeOrigin(wanted), ended, isBurst), BY_ANSWER);
    run.note(`Packets received: ${reception.counted}/${wanted}`, check);
  }
  await child.reached("refused");
  await child.ended();

  if (protections.length > 0) await hardened(run, { stimulus, witness }, overrides);
  run.step("Results:");
  run.done(`The passed socket (SO_COOKIE ${cookie}) works with io_uring`, ...PLAN.slice(0, 7));
  run.done("A restricted ring receives, and does nothing else", "URING-08", "URING-09");
  if (protections.length > 0) run.done("So does that of a hardened worker", ...CONFINEMENT_CHECKS);

  return {
    headline: "io_uring works on the passed socket!",
    points: [
      "The ring was made by a process without privilege, under no_new_privs",
      "RECV, RECVMSG, READ, registered files and multishot RECV received",
      "A restricted ring refused everything but receiving",
      "Rings made before the drop must be closed: two of three kinds are still root",
    ],
    decision: "D7 (io_uring) is viable in an unprivileged worker (D24)",
  };
}

/** With all protections: a worker that has nothing but a restricted ring to receive by. */
async function hardened(
  run: ParentRun,
  of: ReceptionOf,
  overrides: typeof parentOverrides,
): Promise<void> {
  const { link, identity, count, protections } = run.setting;
  run.step("Starting a hardened worker that receives by a restricted ring...");
  using packetSocket = boundPacketSocket(link.ifindex, ETH_P_ALL);
  protectSocket(packetSocket.fd, protections);
  await using worker = run.start({ launcher: launcherFor(identity, protections) });
  const orders = { ...identity, count, protections, receive };
  worker.order(SOCKET, orders, [packetSocket.fd]);
  await worker.reached("ready");
  checkHardened(run, worker, { packetFd: packetSocket.fd, ioUring: true });
  const reception = overrides.reception(run, worker, of);
  await reception.until(count);
  worker.send({ type: "enough" });
  await worker.reached("done", (frame) => reception.account(frame));
  await worker.ended();
  run.check("URING-14", reception.judgeOrigin(count), BY_ANSWER);
  run.note(`Packets received: ${reception.counted}/${count}`, "URING-14");
}

/** Steps of the child that a test may override. */
export const childOverrides = {
  dropPrivileges,
  /** On every thread. */
  noNewPrivileges: (): void => installFilter(compileFilter(ALLOW_EVERYTHING)),
  /** Makes the rings of the trap; as root. */
  makeEarlyRings: (): EarlyRings => new EarlyRings(),
  /** Ends them, as whoever drops privileges should have before. */
  closeEarlyRings(rings: EarlyRings): void {
    rings.close();
    untilRingThreadsEnd();
  },
  openSource: (operation: RingOperation, packetFd: number) => RING_SOURCES[operation](packetFd),
  makeRestrictedRing: (packetFd: number): IoUring => restrictedRing(packetFd, {}),
  /** What the hardened worker receives by. */
  openWorkerSource: (packetFd: number): FrameSource => openFrameSource(receive, packetFd),
};

/** The program that stops being root. */
export async function child(run: ChildRun, overrides = childOverrides): Promise<void> {
  const { message: { uid, gid, protections }, descriptors } = run.receive(SOCKET, 1);
  using packetSocket = new OwnedFd(descriptors[0]);
  if (protections.length > 0) {
    const sockets = { packetFd: packetSocket.fd, channelFd: run.channelFd };
    const openSource = () => overrides.openWorkerSource(packetSocket.fd);
    using source = startWorker(run, sockets, { uid, gid, protections }, openSource);
    run.checks(await proveConfinement({ ...sockets, sourceFd: source.fd }, { uid, gid }));
    drain(source);
    run.reached("ready");
    forwardFrames(run, source);
    run.receive("enough");
    run.reached("done");
    return;
  }

  // The trap: rings that are made as root, and kept.
  run.step("Making rings before the drop...");
  const early = overrides.makeEarlyRings();
  run.done("One plain, one polled by the kernel (SQPOLL), one with a registered personality");

  run.step("Dropping all privileges, no_new_privs on every thread...");
  overrides.dropPrivileges({ uid, gid });
  overrides.noNewPrivileges();
  run.done(`uid ${getresuid().effective}`);

  // The control of the trap: without a ring root's file is not for this process.
  run.detail(`open("${ROOTS_FILE}") without a ring: ${outcomeOf(openRootsFile).outcome}`);
  const opened = askAll(early);
  run.reached("dropped", { rings: opened });
  run.receive("next");
  for (const { fd } of Object.values(opened).flatMap(Object.values)) if (fd !== null) close(fd);

  run.step("Closing the rings from before the drop...");
  overrides.closeEarlyRings(early);
  run.reached("closed", { rings: askAll(early) });
  run.receive("next");

  run.step("Making a ring without privilege...");
  using ring = new IoUring();
  run.check("URING-01", judgeRing(threadCredentials("self"), linkOf("self", ring.fd)));
  run.done(`io_uring made by uid ${getresuid().effective} (FD: ${ring.fd})`, "URING-01");
  run.reached("ready", { ring: ring.fd });

  for (const [operation] of RECEIVING) {
    run.step(`Receiving by ${operation}...`);
    using source = overrides.openSource(operation, packetSocket.fd);
    run.reached("receiving");
    run.receive("next");
    forwardFrames(run, source);
    run.receive("enough");
    const ends = source instanceof IoUringMultishotSource ? source.ends : null;
    run.reached("done", { ends });
  }

  run.step("Asking a restricted ring for everything else...");
  using restricted = overrides.makeRestrictedRing(packetSocket.fd);
  run.check("URING-09", judgeRestricted(attemptForbidden(restricted, packetSocket.fd)));
  run.done("It refuses", "URING-09");
  run.reached("refused");
}

/** The experiment. */
export const ioUring: Experiment = {
  module: import.meta.url,
  name: "io-uring",
  title: "io_uring on a Passed Socket",
  question: "Does io_uring work on the passed socket, in a process without privilege?",
  decisions: ["D7", "D24"],
  whyNoAnswer: whyNoOwnRings,
  plan: PLAN,
  byChildsWord: ["URING-09"],
  hardenedPlan: ["URING-14"],
  parent,
  child,
};

/** What an early ring did of what it was asked for. */
interface Outcome {
  /** `opened`, `no answer`, or the errno by name. */
  readonly outcome: string;
  /** What it opened; null if nothing. */
  readonly fd: number | null;
}

function outcomeOf(request: () => number | undefined): Outcome {
  try {
    const fd = request();
    return fd === undefined ? { outcome: "no answer", fd: null } : { outcome: "opened", fd };
  } catch (error) {
    if (error instanceof SystemError) return { outcome: errnoName(error.errno), fd: null };
    throw error;
  }
}

function openRootsFile(): number {
  return open(ROOTS_FILE, O_CLOEXEC);
}

type Outcomes = Record<EarlyRing, Record<EarlyRequest, Outcome>>;

/** Asks each ring for each thing that only root can do. What they open stays open. */
function askAll(rings: EarlyRings): Outcomes {
  const ask = (by: (request: EarlyRequest) => number | undefined) => ({
    open: outcomeOf(() => by("open")),
    socket: outcomeOf(() => by("socket")),
  });
  return {
    plain: ask((request) => rings.plainly(request)),
    polled: ask((request) => rings.byPolling(request)),
    personality: ask((request) => rings.asPersonality(request)),
  };
}

function linkOf(process: number | "self", fd: number): string {
  try {
    return readLink(`/proc/${process}/fd/${fd}`);
  } catch (error) {
    if (error instanceof SystemError) return error.code;
    throw error;
  }
}

/** URING-01: a ring, in a process without privilege. */
function judgeRing(threads: readonly ThreadCredentials[], link: string): Finding {
  const privileged = threads.filter(({ uids, capabilities, noNewPrivs }) =>
    uids.includes(0) || !/^0+$/.test(capabilities.CapEff) || noNewPrivs !== 1
  );
  return judged(
    threads.length > 0 && privileged.length === 0 && link === "anon_inode:[io_uring]",
    `${link}; ${threads.length - privileged.length} of ${threads.length} threads without privilege`,
    { call: "io_uring_setup", link, privileged },
  );
}

/** What the parent makes of what the child says of one ring: what is said to be open must be open, and be what it should. */
function judgeEarly(pid: number, said: unknown, isRoot: boolean): Finding {
  const outcomes = asObject(said, "outcomes of a ring");
  const seen = REQUESTS.map((request) => {
    const { outcome, fd } = asObject(outcomes[request], request);
    const link = fd === null ? null : whatIsOpen(pid, asInteger(fd, "fd", 0, 1 << 20));
    return { request, outcome: asText(outcome, "outcome", 32), link };
  });
  const refused = { open: "EACCES", socket: "EPERM" };
  const isKnown = seen.every(({ request, outcome, link }) =>
    isRoot ? isRoots(request, link) : outcome === refused[request] && link === null
  );
  return judged(
    isKnown,
    seen.map(({ request, outcome, link }) =>
      `${request === "open" ? ROOTS_FILE : "AF_PACKET socket"}: ${outcome}${
        link === null ? "" : `, ${link}`
      }`
    ).join("; "),
    { call: "io_uring_enter", seen },
  );
}

/** Whether a descriptor is one that only root could have come by. */
function isRoots(request: EarlyRequest, link: string | null): boolean {
  return link === (request === "open" ? ROOTS_FILE : PACKET_SOCKET);
}

const PACKET_SOCKET = "a packet socket";

/**
 * What is open in a process, and really so: a file that is there as a path only (O_PATH) anybody may have, and any socket is called so. The
 * kernel lists the packet sockets of the namespace, by inode.
 */
function whatIsOpen(pid: number, fd: number): string {
  const link = linkOf(pid, fd);
  if (link.startsWith("socket:")) return linksOfPacketSockets().has(link) ? PACKET_SOCKET : link;
  const [, flags] = readTextFile(`/proc/${pid}/fdinfo/${fd}`).match(/^flags:\s*([0-7]+)$/m) ?? [];
  return (Number.parseInt(flags, 8) & O_PATH) === 0 ? link : `${link}, as a path only`;
}

/** URING-13: nothing was opened by a ring that is closed, as it says, and as the parent sees. */
function judgeClosed(pid: number, said: { [name: string]: unknown }): Finding {
  const outcomes = Object.keys(EARLY).flatMap((ring) =>
    REQUESTS.map((request) => {
      const { outcome } = asObject(asObject(said[ring], ring)[request], request);
      return `${ring} ${request}: ${asText(outcome, "outcome", 32)}`;
    })
  );
  const held = [...childDescriptors(pid).values()].filter((link) => link === ROOTS_FILE);
  return judged(
    held.length === 0 && outcomes.every((each) => /: (EBADF|no answer)$/.test(each)),
    outcomes.join(", "),
    { call: "io_uring_enter", outcomes, held },
  );
}

/** Whether what a multishot submission did besides receiving is as it should be. */
function judgeReceiving(origin: Finding, ends: number | null, runsOut: boolean): Finding {
  if (origin.status !== "pass" || ends === null) return origin;
  const lost = Number(origin.evidence.up_to) - Number(origin.evidence.received);
  return judged(
    runsOut ? ends > 0 && lost === 0 : ends === 0,
    `${origin.observed}; ${lost} lost; submitted ${ends + 1} times`,
    { ...origin.evidence, ends },
  );
}

/** URING-09: everything was refused. */
function judgeRestricted(outcomes: { readonly [name: string]: string }): Finding {
  const others = Object.entries(outcomes).filter(([, outcome]) => outcome !== "EACCES");
  return judged(
    others.length === 0,
    others.length === 0
      ? `${Object.keys(outcomes).length} of ${Object.keys(outcomes).length} refused with EACCES`
      : others.map(([name, outcome]) => `${name}: ${outcome}`).join(", "),
    { calls: ["io_uring_enter", "io_uring_register"], outcomes },
  );
}

if (import.meta.main) Deno.exit(await runChild([ioUring], Deno.args));
