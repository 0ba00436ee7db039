/**
 * D24: does an `AF_PACKET` socket go on receiving after it is passed to a process that becomes
 * `nobody`?
 *
 *      parent (root)                               child (root, then USER)
 *   1  socket, bind                                .
 *   2  socketpair                                  .
 *   3  spawn ────────────────────────────────────▶ holds no packet socket
 *   4  sendmsg SCM_RIGHTS ───────────────────────▶ recvmsg: exactly one descriptor
 *      the same socket? ◀───────────────────────── has received it
 *   5  control: asks in a thread of the child ───▶ can create a packet socket
 *   6  looks at and asks every thread ◀─────────── setgroups, setresgid, setresuid
 *   7  asks every thread ────────────────────────▶ cannot create a packet socket: EPERM
 *   8  .                                           empties the queue, is ready
 *   9  stimulus, first half ─────── veth ────────▶ receives, and forwards every frame
 *  10  closes its copy                             .
 *      stimulus, second half ────── veth ────────▶ goes on receiving
 *
 * The numbers are those of the comments below. The last parameter of each program holds the steps
 * that a test overrides to make a check fail.
 *
 * @module
 */

import { ETH_P_ALL, POLLIN } from "../../../ffi/abi/constants.ts";
import {
  getresgid,
  getresuid,
  PrivilegeError,
  tryToRegainRoot,
} from "../../../ffi/process/credentials.ts";
import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { readLink } from "../../../ffi/process/file.ts";
import { openDescriptors } from "../../../ffi/process/proc.ts";
import { poll } from "../../../ffi/socket/poll.ts";
import { tryPacketSocket } from "../../confine/attempts.ts";
import {
  judgeCredentials,
  judgeDenial,
  judgeRegaining,
  judgeUnstopped,
} from "../../confine/judge.ts";
import { launchBounding, launchCapabilities, launcherFor } from "../../confine/launcher.ts";
import { proveConfinement } from "../../confine/proof.ts";
import { protectSocket } from "../../confine/socket_protections.ts";
import { confine, leaveRoot } from "../../confine/start.ts";
import { becomeWorker } from "../../confine/worker_protections.ts";
import { CONFINEMENT_CHECKS } from "../../evidence/checks.ts";
import type { Conclusion, Finding } from "../../evidence/evidence.ts";
import { CannotLook } from "../../evidence/errors.ts";
import { controlChannelPair } from "../../harness/channel.ts";
import type { Child, ChildLookOptions } from "../../harness/child.ts";
import { runChild } from "../../harness/child_main.ts";
import type { ChildRun } from "../../harness/child_run.ts";
import type { Experiment } from "../../harness/experiment.ts";
import { forwardFrames } from "../../harness/forward.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import { SOCKET } from "../../harness/worker_orders.ts";
import {
  judgeAbsence,
  judgeArrival,
  judgeLaunch,
  judgeRefusedRoot,
  judgeRefusedSocket,
  judgeSameSocket,
  judgeStillHeld,
} from "../../inspect/findings.ts";
import type { View } from "../../inspect/look.ts";
import { threadCredentials } from "../../inspect/threads/threads.ts";
import { multicastFilter } from "../../packets/filters.ts";
import {
  bindPacketSocket,
  describePacketSocket,
  isPacketSocket,
  openPacketSocket,
  takeStatistics,
} from "../../packets/socket.ts";
import { Stimulus } from "../../packets/stimulus.ts";
import { DEFAULT_PATH, drain, openFrameSource, usesIoUring } from "../../receive/mod.ts";
import { RecvmsgSource } from "../../receive/recvmsg.ts";
import { countPassedDrops } from "./drops.ts";
import {
  judgeBinding,
  judgeKept,
  judgeOwnDescriptors,
  judgeQueueBeforeBind,
  judgeRegained,
} from "./judge.ts";
import { observeQueue, QUEUED } from "./queue.ts";

/** Steps of the parent that a test may override. */
export const parentOverrides = {
  openPacketSocket,
  bindPacketSocket,
  /** The descriptors that the child inherits besides its end of the control channel. */
  inheritedByChild: (_packetFd: number): number[] => [],
  /** The descriptors that the message carries. */
  passedToChild: (packetFd: number): number[] => [packetFd],
  /** Closes the parent's own copy of the socket. */
  closeOwnCopy: (packetSocket: OwnedFd): void => packetSocket.close(),
  stimulate: (stimulus: Stimulus): Uint8Array => stimulus.send(),
};

/** The privileged program. */
export async function parent(run: ParentRun, overrides = parentOverrides): Promise<Conclusion> {
  const { link, stimulus: stimulusLink, identity, count, protections } = run.setting;
  const { receive = DEFAULT_PATH } = run.setting;
  using stimulus = stimulusLink === undefined ? undefined : new Stimulus(stimulusLink);

  // 1. The protocol is 0 until the bind, so a frame sent before it must leave no trace.
  run.step("Creating AF_PACKET socket...");
  using packetSocket = new OwnedFd(overrides.openPacketSocket());
  if (stimulus !== undefined) overrides.stimulate(stimulus);
  poll([packetSocket.fd], POLLIN, stimulus === undefined ? 0 : SETTLING_TIME);
  const queued = drain(new RecvmsgSource(packetSocket.fd));
  const { packets } = takeStatistics(packetSocket.fd);
  run.check("SOCK-02", judgeQueueBeforeBind(queued, packets, stimulus !== undefined));
  overrides.bindPacketSocket(packetSocket.fd, link.ifindex, ETH_P_ALL);
  const sent = describePacketSocket(packetSocket.fd);
  run.check("SOCK-01", judgeBinding(sent, link.ifindex));
  const multicast = multicastFilter(link.layer);
  protectSocket(packetSocket.fd, protections, multicast);
  run.done(`AF_PACKET socket created (FD: ${packetSocket.fd})`, "SOCK-01", "SOCK-02");
  run.done("Socket has CAP_NET_RAW privileges");

  // 2. Both ends are close-on-exec; the spawn lets the child inherit its own end only.
  run.step("Creating Unix domain socketpair for FD passing...");
  const [ours, theirs] = controlChannelPair();
  using _ours = ours;
  using _theirs = theirs;
  run.done("Socketpair created for IPC");

  // 3. The child must hold no packet socket yet.
  run.step("Spawning child process...");
  await using child = run.spawn(ours, theirs, {
    inherit: overrides.inheritedByChild(packetSocket.fd),
    launcher: launcherFor(identity, protections),
  });
  await child.reached("started");
  const atLaunch = child.look({ expected: {} });
  run.check("PASS-01", judgeAbsence(atLaunch));
  run.done(`Spawned child process (PID: ${child.pid})`, "PASS-01");

  // 4. One message, one descriptor: after it, the child holds this packet socket and no other.
  run.step("Passing AF_PACKET socket FD to child...");
  child.order(
    SOCKET,
    { ...identity, count, protections, receive, stimulus: stimulus ? link.layer : null },
    overrides.passedToChild(packetSocket.fd),
  );
  run.done("FD passed to child via SCM_RIGHTS");
  await child.reached("received");
  const passed = readLink(`/proc/self/fd/${packetSocket.fd}`);

  // 5. The control: a thread of the child can create a packet socket while it is root. A child that
  // starts without capabilities cannot; then the parent's socket is the control.
  const startsPrivileged = !protections.includes("no-capabilities");
  const holding = child.look({
    expected: { passed },
    ask: startsPrivileged ? "packet-socket" : "nothing",
  });
  run.check("PASS-02", judgeArrival(atLaunch, holding));
  run.check("PASS-03", judgeSameSocket(child.holds(packetSocket.fd, holding), passed, holding));
  child.send({ type: "next" });

  // 6 and 7. The child drops its privileges. Whatever it reports, the parent looks at each of its
  // threads, and asks the kernel in each.
  await child.reached("dropped");
  const dropped = lookOrSeeInPassing(run, child, { expected: { passed }, ask: "everything" });
  const judgeDropped = (view: View) => {
    run.checks(judgeCredentials(view.threads, identity));
    run.check("DROP-05", judgeRefusedRoot(view));
    run.check(
      "DENY-01",
      judgeRefusedSocket(holding.control ?? 0, view, startsPrivileged ? "child" : "parent"),
    );
    run.check("PASS-03", judgeStillHeld(passed, view));
  };
  const most = launchCapabilities(protections);
  run.check("DROP-05", judgeLaunch(atLaunch, most, launchBounding(protections)));
  judgeDropped(dropped);
  if (startsPrivileged && Deno.uid() !== 0) {
    const control = await run.incompleteDrop(); // the drop of root needs none: DENY-01
    run.check("DROP-04", judgeKept(control));
    run.check("DROP-05", judgeRegained(control));
  }
  child.send({ type: "next" });

  // 8. The child is ready to receive.
  await child.reached("ready");
  const ring = usesIoUring(receive);
  if (protections.length > 0) {
    run.checkHardened(child, { packetFd: packetSocket.fd, ioUring: ring, before: dropped });
  }

  // 9. Only frames sent from now on count.
  const filter = protections.length > 0 ? multicast : undefined;
  using witness = run.witness(filter);
  const { stimulate } = overrides;
  const drops = countPassedDrops(packetSocket, child.pid, holding.descriptors);
  const admitted = filter && "multicast IPv4 and IPv6";
  let queue: Finding | undefined;
  await using reception = run.reception(child, { stimulus, witness, admitted, drops, stimulate }, {
    wanted: count,
    record(reception) {
      run.check("RECV-01", reception.judgeCount(count), ["answer"]);
      if (queue !== undefined) run.check("RECV-01", queue);
      run.check("RECV-02", reception.judgeOrigin(count), ["answer"]);
      run.check("RECV-03", reception.judgeSurvival(), ["parent", "answer"]);
    },
  });
  const isQueueSeen = stimulus !== undefined && QUEUED.includes(receive);
  if (isQueueSeen) queue = await observeQueue(child, { passed, reception, witness });
  await reception.until(Math.floor(count / 2), 1 / 2);

  // 10. The child's socket does not depend on the parent's.
  overrides.closeOwnCopy(packetSocket);
  const copiesLeft = [...openDescriptors("self").values()].filter((each) => each === passed).length;
  reception.copyClosed(copiesLeft);
  run.detail(`parent closed its copy after ${reception.counted} packets, ${copiesLeft} left`);
  await reception.until(count);

  // The last look: no privilege has come back, and the child still holds the passed socket.
  const last = child.look({ expected: { passed, ring }, ask: "everything" });
  judgeDropped(last);
  run.figure("drops", drops());
  run.figure("questions_ms", holding.questioned + dropped.questioned + last.questioned);

  // The last close of a packet socket waits for an RCU grace period (packet_release). The child's
  // close and the stimulus' close wait at the same time.
  child.send({ type: "enough" });
  await child.reached("done", (frame) => reception.account(frame));
  reception.conclude();
  stimulus?.close();
  await child.ended();
  run.note(
    `Packets received: ${reception.counted}/${count}`,
    "RECV-01",
    "RECV-02",
    "RECV-03",
  );
  if (protections.length === 0) {
    run.detail(
      "the worker may also send and bind elsewhere: -e authority shows it, --harden prevents it",
    );
  }

  return {
    headline: "File descriptor passing works!",
    points: [
      "AF_PACKET socket created with CAP_NET_RAW",
      "Socket FD passed via SCM_RIGHTS",
      "Unprivileged child can use the socket",
      `Received ${reception.counted} packet(s) without privileges`,
    ],
    decision: "Core assumption validated: D24 (Privilege Separation) is viable",
  };
}

/**
 * Looks at the child. Where the parent may not stop it, the credentials of its threads can still be
 * read, and may refute the drop.
 *
 * @throws As {@linkcode Child.look}.
 */
function lookOrSeeInPassing(run: ParentRun, child: Child, options: ChildLookOptions): View {
  try {
    return child.look(options);
  } catch (error) {
    if (error instanceof CannotLook) {
      run.checks(judgeUnstopped(threadCredentials(child.pid), run.setting.identity));
    }
    throw error;
  }
}

/** Steps of the child that a test may override. */
export const childOverrides = {
  dropPrivileges: becomeWorker,
  /** Called with the received socket before it is used. */
  beforeUse: (_packetFd: number): void => {},
};

/** The program that drops its privileges. */
export async function child(run: ChildRun, overrides = childOverrides): Promise<void> {
  // 3. No packet socket before the message, so the one held later came by the message.
  const inherited = openDescriptors("self");
  const packetSockets = [...inherited.keys()].filter(isPacketSocket);
  run.check("PASS-01", judgeOwnDescriptors(inherited, packetSockets));
  run.reached("started");

  // 4. Exactly one descriptor is accepted.
  const { message, descriptors } = run.checked(
    "PASS-02",
    () => run.receive(SOCKET, 1),
    "1 descriptor, control messages whole",
  );
  const { uid, gid, count, protections, receive, stimulus } = message;
  using packetSocket = new OwnedFd(descriptors[0]);
  const sockets = { packetFd: packetSocket.fd, channelFd: run.channelFd };
  run.step("Child process started");
  run.note(`Current UID: ${getresuid().effective}`);
  run.note(`Current GID: ${getresgid().effective}`);
  run.step("Receiving AF_PACKET socket FD from parent...");
  run.done(`Received FD: ${packetSocket.fd}`, "PASS-02", "PASS-03");
  run.reached("received");
  run.receive("next");

  // 5. The control: the call that is refused after the drop must succeed before it. A child that
  // starts without capabilities cannot make it; then the parent's own socket is the control.
  const control = protections.includes("no-capabilities") ? "parent" : "child";
  const errnoBefore = control === "child" ? tryPacketSocket() : 0;

  // 6. The drop, and its proof. Unknown descriptors are closed first: afterwards they may act as
  // root.
  run.step("Dropping all privileges...");
  let doubt: PrivilegeError | undefined;
  try {
    leaveRoot(sockets, message, overrides.dropPrivileges);
  } catch (error) {
    if (!(error instanceof PrivilegeError)) throw error;
    doubt = error; // the remaining privileges are judged next
  }
  run.checks(judgeCredentials(threadCredentials("self"), { uid, gid }));
  const nobody = { uid: getresuid().effective, gid: getresgid().effective };
  run.check("DROP-05", judgeRegaining(tryToRegainRoot(), doubt));
  run.done("Privileges dropped!", "DROP-01", "DROP-02", "DROP-03", "DROP-04", "DROP-05");
  run.note(`New UID: ${nobody.uid} (${nobody.uid === 0 ? "root" : "unprivileged"})`);
  run.note(`New GID: ${nobody.gid} (${nobody.gid === 0 ? "root" : "unprivileged"})`);

  // 7. Only EPERM shows that CAP_NET_RAW is missing.
  run.step("Verifying CAP_NET_RAW is gone...");
  run.check("DENY-01", judgeDenial(errnoBefore, tryPacketSocket(), control));
  run.done("Cannot create new AF_PACKET sockets (CAP_NET_RAW dropped)", "DENY-01");
  run.reached("dropped");
  run.receive("next");

  // The frame source is opened without privilege, and before the filter forbids the calls for it.
  overrides.beforeUse(packetSocket.fd);
  if (protections.length > 0) run.step("Hardening...");
  const openSource = () => openFrameSource(receive, packetSocket.fd);
  using source = confine(run, sockets, message, openSource);
  if (protections.length > 0) {
    run.checks(await proveConfinement({ ...sockets, sourceFd: source.fd }, { uid, gid }));
    run.done(
      "Confined on every thread, with only expected descriptors open",
      ...CONFINEMENT_CHECKS,
    );
  }

  // 8. Frames queued while this process was root prove nothing.
  run.step("Attempting to receive packets using passed socket...");
  run.detail(`${drain(source)} frames were queued before the drop; discarded`);
  run.note(`Waiting for ${count} packets...`);
  run.reached("ready");

  // 9 and 10. The child forwards what may count, because only the parent knows what it sent.
  forwardFrames(run, source, stimulus);
  run.receive("enough");
  run.step("Test Results:");
  run.reached("done");
}

/** The experiment. */
export const privilegeDrop: Experiment = {
  module: import.meta.url,
  name: "privilege-drop",
  title: "File Descriptor Passing with Privilege Drop",
  question:
    "Does an AF_PACKET socket, passed by SCM_RIGHTS, go on receiving in a process without privilege?",
  decisions: ["D24"],
  plan: [
    "SOCK-01",
    "SOCK-02",
    "PASS-01",
    "PASS-02",
    "PASS-03",
    "DROP-01",
    "DROP-02",
    "DROP-03",
    "DROP-04",
    "DROP-05",
    "DENY-01",
    "RECV-01",
    "RECV-02",
    "RECV-03",
  ],
  parent,
  child,
};

/**
 * The wait for a frame that must not come, in milliseconds. A veth pair delivers within the sending
 * call.
 */
const SETTLING_TIME = 1;

if (import.meta.main) Deno.exit(await runChild([privilegeDrop], Deno.args));
