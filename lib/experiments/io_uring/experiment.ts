/**
 * D7: does io_uring work on the passed socket, in a process without privilege? And the trap beside
 * it: what can a ring still do that was made before the drop?
 *
 *     parent (root)                                 child (root, then USER)
 *     socket, bind                                  .
 *     sendmsg SCM_RIGHTS ─────────────────────────▶ receives it
 *     .                                             makes early rings as root: one of each kind
 *     .                                             drops; sets no_new_privs on every thread
 *     looks at what they opened ◀────────────────── has each open root's file and a packet socket
 *     .                                             closes them
 *     looks at its threads and descriptors ◀─────── makes a ring
 *     for each operation:
 *       stimulus ─────────────── veth ────────────▶ receives by it, and forwards every frame
 *     .                                             asks a restricted ring for everything else
 *
 * With `--harden`, a second child under all protections receives by a restricted ring
 * (`hardened.ts`).
 *
 * @module
 */

import { ETH_P_ALL } from "../../../ffi/abi/constants.ts";
import { IoUring } from "../../../ffi/io_uring/io_uring.ts";
import { dropPrivileges, getresuid } from "../../../ffi/process/credentials.ts";
import { close, OwnedFd } from "../../../ffi/process/descriptor.ts";
import { compileFilter, installFilter } from "../../../ffi/seccomp/seccomp.ts";
import {
  dropDespiteRings,
  EarlyRings,
  ROOTS_FILE,
  whyNotRootsRings,
} from "../../confine/early_rings.ts";
import { defaultLauncher } from "../../confine/launcher.ts";
import { ALLOW_EVERYTHING } from "../../confine/policy.ts";
import { waitForRingThreads } from "../../confine/worker_protections.ts";
import { type CheckId, CONFINEMENT_CHECKS } from "../../evidence/checks.ts";
import type { Conclusion, SeenBy } from "../../evidence/evidence.ts";
import { runChild } from "../../harness/child_main.ts";
import type { ChildRun } from "../../harness/child_run.ts";
import type { Experiment } from "../../harness/experiment.ts";
import { forwardFrames } from "../../harness/forward.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import type { Reception } from "../../harness/reception.ts";
import { asInteger, asObject } from "../../harness/validate.ts";
import { SOCKET } from "../../harness/worker_orders.ts";
import { requireStimulus } from "../../host/interfaces.ts";
import { whyNoOwnRings } from "../../host/kernel.ts";
import { threadCredentials } from "../../inspect/threads/threads.ts";
import { stimulusFilter } from "../../packets/filters.ts";
import { boundPacketSocket, countDrops, describePacketSocket } from "../../packets/socket.ts";
import { Stimulus } from "../../packets/stimulus.ts";
import { IoUringMultishotSource } from "../../receive/io_uring_multishot.ts";
import { type FrameSource, openFrameSource } from "../../receive/mod.ts";
import { restrictedRing } from "../../receive/restricted_ring.ts";
import {
  askAll,
  EARLY,
  examineOutcomes,
  linkOf,
  openRootsFile,
  outcomeOf,
  reportedOutcomes,
  rootsFilesOf,
} from "./early_outcomes.ts";
import { HARDENED_PATH, hardenedChild, hardenedParent } from "./hardened.ts";
import { judgeClosed, judgeEarly, judgeReceiving, judgeRestricted, judgeRing } from "./judge.ts";
import { attemptForbidden, FEW_BUFFERS, RING_SOURCES, type RingOperation } from "./operations.ts";

/** The operations that receive, in the order in which they are tried, each with its check. */
const RECEIVING: readonly (readonly [RingOperation, CheckId])[] = [
  ["RECV", "URING-02"],
  ["RECVMSG", "URING-03"],
  ["READ", "URING-04"],
  ["RECV, registered file", "URING-05"],
  ["multishot RECV", "URING-06"],
  ["multishot RECV, few buffers", "URING-07"],
  ["RECV, restricted ring", "URING-08"],
];

const PLAN: readonly CheckId[] = [
  "URING-01",
  ...RECEIVING.map(([, check]) => check),
  "URING-09",
  ...Object.values(EARLY).map(({ check }) => check),
  "URING-13",
];

/**
 * The frames' secrets show that they were received. For the operation, there is the child's word.
 */
const BY_ANSWER = ["answer", "child"] as const satisfies SeenBy[];

/**
 * The parent verifies the descriptors that the child reports. For the ring that opened each there
 * is only the child's word.
 */
const BY_REPORT = ["parent", "child"] as const satisfies SeenBy[];

/** Steps of the parent that a test may override. */
export const parentOverrides = {
  /** The program that starts the first child. */
  launcher: defaultLauncher,
  /** Creates the account of the frames that a child receives. */
  reception: (run: ParentRun, ...reception: Parameters<ParentRun["reception"]>): Reception =>
    run.reception(...reception),
};

/** The privileged program. */
export async function parent(run: ParentRun, overrides = parentOverrides): Promise<Conclusion> {
  const { link, stimulus: stimulusLink, identity, count, protections } = run.setting;
  using stimulus = new Stimulus(requireStimulus(stimulusLink, link));
  using witness = run.witness(stimulusFilter());

  run.step("Creating AF_PACKET socket...");
  using packetSocket = boundPacketSocket(link.ifindex, ETH_P_ALL, stimulusFilter());
  const { cookie } = describePacketSocket(packetSocket.fd);
  run.done(`AF_PACKET socket created (FD: ${packetSocket.fd})`);

  run.step("Spawning child process, passing the socket...");
  await using child = run.start({ launcher: overrides.launcher() });
  const orders = {
    ...{ ...identity, count, protections: [], receive: HARDENED_PATH },
    stimulus: link.layer,
  };
  child.order(SOCKET, orders, [packetSocket.fd]);
  run.done(`FD passed to PID ${child.pid} via SCM_RIGHTS`);

  // The child still has everything open that the early rings opened, so the parent can look at it.
  const { rings } = await child.reached("dropped");
  run.step("Looking at what the rings from before the drop have opened...");
  for (const [ring, { check, isRoot }] of Object.entries(EARLY)) {
    const seen = examineOutcomes(child.pid, asObject(rings, "rings")[ring]);
    run.check(check, judgeEarly(seen, isRoot), BY_REPORT);
  }
  run.done("A plain ring acts with the credentials of the process that submits", "URING-10");
  run.done("A polled ring and a registered personality still act as root", "URING-11", "URING-12");
  child.send({ type: "next" });
  const closed = await child.reached("closed");
  const outcomes = reportedOutcomes(closed.rings);
  run.check("URING-13", judgeClosed(outcomes, rootsFilesOf(child.pid)), BY_REPORT);
  run.done("Once closed, none of them opens anything", "URING-13");

  // The ring of a process without privilege, seen from outside. A polled ring that is still open
  // shows as a thread of the child that is root.
  child.send({ type: "next" });
  const { ring } = await child.reached("ready");
  const seenRing = linkOf(child.pid, asInteger(ring, "ring", 0, 1 << 20));
  run.check("URING-01", judgeRing(threadCredentials(child.pid), seenRing), BY_REPORT);

  for (const [i, [operation, check]] of RECEIVING.entries()) {
    const isBurst = operation === "multishot RECV, few buffers";
    const wanted = isBurst ? 3 * FEW_BUFFERS : count;
    await child.reached("receiving");
    const drops = countDrops(packetSocket.fd);
    let ended: number | null | undefined = undefined;
    await using reception = overrides.reception(run, child, { stimulus, witness, drops }, {
      wanted,
      record(reception) {
        const origin = reception.judgeOrigin(wanted);
        if (ended !== undefined) {
          run.check(check, judgeReceiving(origin, ended, isBurst), BY_ANSWER);
        } else if (origin.status !== "pass") run.check(check, origin, BY_ANSWER);
      },
    });
    if (isBurst) reception.sendAhead(wanted); // before the child looks, so that the buffers run out
    child.send({ type: "next" });
    await reception.until(wanted, 1 / (RECEIVING.length + 1 - i)); // leaves time for the others
    child.send({ type: "enough" });
    const { ends } = await child.reached("done", (frame) => reception.account(frame));
    ended = ends === null ? null : asInteger(ends, "ends", 0, 1 << 30);
    reception.conclude();
    run.note(`Packets received: ${reception.counted}/${wanted}`, check);
  }
  await child.reached("refused");
  await child.ended();

  const isHardened = protections.length > 0;
  if (isHardened) await hardenedParent(run, { stimulus, witness }, overrides.reception);
  run.step("Results:");
  run.done(`The passed socket (SO_COOKIE ${cookie}) works with io_uring`, ...PLAN.slice(0, 7));
  run.done("A restricted ring receives and does nothing else", "URING-08", "URING-09");
  if (isHardened) run.done("A hardened worker receives through such a ring", ...CONFINEMENT_CHECKS);

  return {
    headline: "io_uring works on the passed socket!",
    points: [
      "The ring was made by a process without privileges, under no_new_privs",
      "RECV, RECVMSG, READ, registered files and multishot RECV received",
      "A restricted ring refused everything but receiving",
      "Rings made before the drop must be closed: two of the three kinds still act as root",
    ],
    decision: "D7 (io_uring) is viable in an unprivileged worker (D24)",
  };
}

/** Steps of the child that a test may override. */
export const childOverrides = {
  dropPrivileges,
  /** Sets no_new_privs on every thread, which a filter does and prctl(2) does not. */
  noNewPrivileges: (): void => installFilter(compileFilter(ALLOW_EVERYTHING)),
  /** Makes the rings of the trap, as root. */
  makeEarlyRings: (): EarlyRings => new EarlyRings(),
  /** Closes them, which a program must do before it drops its privileges. */
  closeEarlyRings(rings: EarlyRings): void {
    rings.close();
    waitForRingThreads();
  },
  openSource: (operation: RingOperation, packetFd: number) => RING_SOURCES[operation](packetFd),
  makeRestrictedRing: (packetFd: number): IoUring => restrictedRing(packetFd, {}),
  /** Opens the hardened worker's source of frames. */
  openWorkerSource: (packetFd: number): FrameSource => openFrameSource(HARDENED_PATH, packetFd),
};

/** The unprivileged program. */
export async function child(run: ChildRun, overrides = childOverrides): Promise<void> {
  const { message: orders, descriptors } = run.receive(SOCKET, 1);
  const { uid, gid, stimulus } = orders;
  using packetSocket = new OwnedFd(descriptors[0]);
  if (orders.protections.length > 0) {
    await hardenedChild(run, packetSocket.fd, orders, overrides.openWorkerSource);
    return;
  }

  // The trap: rings that root made, and kept.
  run.step("Making rings before the drop...");
  const early = overrides.makeEarlyRings();
  run.done("One plain, one polled by the kernel (SQPOLL), one with a registered personality");

  run.step("Dropping all privileges, no_new_privs on every thread...");
  dropDespiteRings(() => overrides.dropPrivileges({ uid, gid }));
  overrides.noNewPrivileges();
  run.done(`uid ${getresuid().effective}`);

  // The control of the trap: without a ring, this process cannot open root's file.
  run.detail(`open("${ROOTS_FILE}") without a ring: ${outcomeOf(openRootsFile).outcome}`);
  const opened = askAll(early);
  run.reached("dropped", { rings: opened });
  run.receive("next");
  for (const { fd } of Object.values(opened).flatMap(Object.values)) if (fd !== null) close(fd);

  run.step("Closing the rings from before the drop...");
  overrides.closeEarlyRings(early);
  run.reached("closed", { rings: askAll(early) });
  run.receive("next");

  run.step("Making a ring without privileges...");
  using ring = new IoUring();
  run.check("URING-01", judgeRing(threadCredentials("self"), linkOf("self", ring.fd)));
  run.done(`io_uring made by uid ${getresuid().effective} (FD: ${ring.fd})`, "URING-01");
  run.reached("ready", { ring: ring.fd });

  for (const [operation] of RECEIVING) {
    run.step(`Receiving by ${operation}...`);
    using source = overrides.openSource(operation, packetSocket.fd);
    run.reached("receiving");
    run.receive("next");
    forwardFrames(run, source, stimulus);
    run.receive("enough");
    const ends = source instanceof IoUringMultishotSource ? source.ends : null;
    run.reached("done", { ends });
  }

  run.step("Trying every other operation on a restricted ring...");
  using restricted = overrides.makeRestrictedRing(packetSocket.fd);
  run.check("URING-09", judgeRestricted(attemptForbidden(restricted, packetSocket.fd)));
  run.done("Every one is refused", "URING-09");
  run.reached("refused");
}

/** The experiment. */
export const ioUring: Experiment = {
  module: import.meta.url,
  name: "io-uring",
  title: "io_uring on a Passed Socket",
  question: "Does io_uring work on the passed socket, in a process without privilege?",
  decisions: ["D7", "D24"],
  whyNoAnswer: () => whyNotRootsRings() ?? whyNoOwnRings(),
  plan: PLAN,
  byChildsWord: ["URING-09"],
  hardenedPlan: ["URING-14"],
  parent,
  child,
};

if (import.meta.main) Deno.exit(await runChild([ioUring], Deno.args));
