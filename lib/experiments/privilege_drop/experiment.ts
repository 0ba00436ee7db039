/**
 * D24: does an `AF_PACKET` socket survive the crossing to `nobody`?
 *
 *      parent (root)                                   child (root, then USER)
 *   1  socket, bind                                    .
 *   2  socketpair                                      .
 *   3  spawn  ───────────────────────────────────────▶ holds no packet socket
 *   4  sendmsg SCM_RIGHTS ───────────────────────────▶ recvmsg: exactly one descriptor
 *      the same socket? ◀───────────────────────────── what is it?
 *   5  .                                               control: a packet socket can be created
 *   6  .                                               setgroups, setresgid, setresuid; proves it
 *   7  .                                               control's opposite: EPERM
 *   8  looks at every thread ◀──────────────────────── empties the queue, is ready
 *   9  stimulus, first half ─────── veth ────────────▶ receives; hands every frame on
 *  10  closes its copy
 *      stimulus, second half ────── veth ────────────▶ receives on
 *
 * Each program reads from top to bottom. The last parameter holds the steps that a test overrides to make a check fail.
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
import { poll, sleep } from "../../../ffi/socket/poll.ts";
import { runChild } from "../../harness/child_main.ts";
import type { ChildRun } from "../../harness/child_run.ts";
import { judgeCredentials, judgeDenial, judgeRegaining } from "../../confine/judge.ts";
import { CONFINEMENT_CHECKS } from "../../evidence/checks.ts";
import { tryPacketSocket } from "../../confine/attempts.ts";
import { proveConfinement } from "../../confine/proof.ts";
import { checkHardened } from "../../harness/hardened.ts";
import { controlChannelPair } from "../../harness/channel.ts";
import { type Conclusion, type Finding, judged } from "../../evidence/evidence.ts";
import type { Experiment } from "../../harness/experiment.ts";
import { forwardFrames } from "../../harness/forward.ts";
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
import { judgeQueue, leastQueued, queuedBytes } from "../../inspect/queue.ts";
import { threadCredentials } from "../../inspect/threads.ts";
import { InterfaceWitness } from "../../harness/interface_witness.ts";
import {
  bindPacketSocket,
  describePacketSocket,
  isPacketSocket,
  openPacketSocket,
  type PacketSocketIdentity,
  takeStatistics,
} from "../../packets/socket.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import {
  becomeWorker,
  launchCapabilities,
  launcherFor,
  protectSocket,
} from "../../confine/protections.ts";
import { confine, leaveRoot } from "../../confine/start.ts";
import {
  drain,
  openFrameSource,
  type ReceivePath,
  usesIoUring,
  USUAL_PATH,
} from "../../receive/mod.ts";
import { Reception } from "../../harness/reception.ts";
import { SOCKET } from "../../harness/worker_orders.ts";
import { Stimulus } from "../../packets/stimulus.ts";
import { RecvmsgSource } from "../../receive/recvmsg.ts";
import type { Child } from "../../harness/child.ts";

/** Steps of the parent that a test may override. */
export const parentOverrides = {
  openPacketSocket,
  bindPacketSocket,
  /** What the child inherits beside its end of the control channel. */
  inheritedByChild: (_packetFd: number): number[] => [],
  /** What the message carries. */
  passedToChild: (packetFd: number): number[] => [packetFd],
  /** How the parent gives up its own copy. */
  closeOwnCopy: (packetSocket: OwnedFd): void => packetSocket.close(),
  stimulate: (stimulus: Stimulus): Uint8Array => stimulus.send(),
};

/** The privileged program. */
export async function parent(run: ParentRun, overrides = parentOverrides): Promise<Conclusion> {
  const { link, stimulus: stimulusLink, identity, count, protections } = run.setting;
  const { receive = USUAL_PATH } = run.setting;
  using stimulus = stimulusLink === undefined ? undefined : new Stimulus(stimulusLink);

  // 1. With protocol 0 until the bind: a frame that is sent in between must leave no trace.
  run.step("Creating AF_PACKET socket...");
  using packetSocket = new OwnedFd(overrides.openPacketSocket());
  if (stimulus !== undefined) overrides.stimulate(stimulus);
  run.check("SOCK-02", judgeQueueBeforeBind(packetSocket.fd, stimulus !== undefined));
  overrides.bindPacketSocket(packetSocket.fd, link.ifindex, ETH_P_ALL);
  const sent = describePacketSocket(packetSocket.fd);
  run.check("SOCK-01", judgeBinding(sent, link.ifindex));
  protectSocket(packetSocket.fd, protections);
  run.done(`AF_PACKET socket created (FD: ${packetSocket.fd})`, "SOCK-01", "SOCK-02");
  run.done("Socket has CAP_NET_RAW privileges");

  // 2. Both ends are close-on-exec; only the child's is handed over, at the spawn.
  run.step("Creating Unix domain socketpair for FD passing...");
  const [ours, theirs] = controlChannelPair();
  using _ours = ours;
  using _theirs = theirs;
  run.done("Socketpair created for IPC");

  // 3. It must hold no packet socket yet.
  run.step("Spawning child process...");
  await using child = run.spawn(ours, theirs, {
    inherit: overrides.inheritedByChild(packetSocket.fd),
    launcher: launcherFor(identity, protections),
  });
  await child.reached("started");
  const born = child.look({ expected: {} });
  run.check("PASS-01", judgeAbsence(born));
  run.done(`Spawned child process (PID: ${child.pid})`, "PASS-01");

  // 4. One message, one descriptor: after it the child holds one packet socket more, and it is this one.
  run.step("Passing AF_PACKET socket FD to child...");
  child.order(
    SOCKET,
    { ...identity, count, protections, receive },
    overrides.passedToChild(packetSocket.fd),
  );
  run.done("FD passed to child via SCM_RIGHTS");
  await child.reached("received");
  const passed = readLink(`/proc/self/fd/${packetSocket.fd}`);

  // 5. The control: the child's own thread can create a packet socket while it is root. One that was born
  // without capabilities never could; then the parent's socket is the control.
  const isBornPrivileged = !protections.includes("no-capabilities");
  const holding = child.look({
    expected: { passed },
    ask: isBornPrivileged ? "packet-socket" : "nothing",
  });
  run.check("PASS-02", judgeArrival(born, holding));
  run.check("PASS-03", judgeSameSocket(child.holds(packetSocket.fd, holding), passed, holding));
  child.send({ type: "next" });

  // 6 and 7. The child drops. Whatever it reports, each of its threads is looked at, and asked.
  await child.reached("dropped");
  const dropped = child.look({ expected: { passed }, ask: "everything" });
  const judgeDropped = (view: View) => {
    run.checks(judgeCredentials(view.threads, identity));
    run.check("DROP-05", judgeRefusedRoot(view));
    run.check(
      "DENY-01",
      judgeRefusedSocket(holding.control ?? 0, view, isBornPrivileged ? "child" : "parent"),
    );
    run.check("PASS-03", judgeStillHeld(passed, view));
  };
  run.check("DROP-05", judgeLaunch(born, launchCapabilities(protections)));
  judgeDropped(dropped);
  child.send({ type: "next" });

  // 8. It is ready to receive.
  await child.reached("ready");
  const ring = usesIoUring(receive);
  if (protections.length > 0) {
    checkHardened(run, child, {
      packetFd: packetSocket.fd,
      ioUring: ring,
      before: dropped,
    });
  }

  // 9. Only now frames are sent that count.
  using witness = new InterfaceWitness(link.ifindex);
  const { stimulate } = overrides;
  const reception = new Reception(run, child, { stimulus, witness, stimulate });
  const isQueueSeen = stimulus !== undefined && QUEUED.includes(receive);
  const queue = isQueueSeen
    ? await judgeRiseAndFall(child, { passed, reception, witness })
    : undefined;
  await reception.until(Math.floor(count / 2), 1 / 2);

  // 10. The child's socket does not depend on the parent's.
  overrides.closeOwnCopy(packetSocket);
  const copiesLeft = [...openDescriptors("self").values()].filter((each) => each === passed).length;
  reception.copyClosed();
  run.detail(`parent closed its copy after ${reception.counted} packets, ${copiesLeft} left`);
  await reception.until(count);

  // The last look: nothing has come back, and the child still holds what it was sent.
  const last = child.look({ expected: { passed, ring }, ask: "everything" });
  judgeDropped(last);
  run.figure("questions_ms", holding.questioned + dropped.questioned + last.questioned);

  // The last close of a packet socket waits for an RCU grace period (packet_release), here and in the child: at once.
  child.send({ type: "enough" });
  await child.reached("done", (frame) => reception.account(frame));
  stimulus?.close();
  await child.ended();
  run.check("RECV-01", reception.judgeCount(count), ["answer"]);
  if (queue !== undefined) run.check("RECV-01", queue, ["parent"]);
  run.check("RECV-02", reception.judgeOrigin(count), ["answer"]);
  run.check("RECV-03", reception.judgeSurvival(copiesLeft), ["parent", "answer"]);
  run.note(
    `Packets received: ${reception.counted}/${count}`,
    "RECV-01",
    "RECV-02",
    "RECV-03",
  );
  if (protections.length === 0) {
    run.detail(
      "the worker may also send, and bind elsewhere: -e authority shows it, --harden ends it",
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

/** Steps of the child that a test may override. */
export const childOverrides = {
  dropPrivileges: becomeWorker,
  /** Called with the received socket before it is used. */
  beforeUse: (_packetFd: number): void => {},
};

/** The program that stops being root. */
export async function child(run: ChildRun, overrides = childOverrides): Promise<void> {
  // 3. Before the message comes: whatever is received later came by the message.
  run.check("PASS-01", judgeOwnDescriptors());
  run.reached("started");

  // 4. The strict receive.
  const { message, descriptors } = run.checked(
    "PASS-02",
    () => run.receive(SOCKET, 1),
    "1 descriptor, control messages whole",
  );
  const { uid, gid, count, protections, receive } = message;
  using packetSocket = new OwnedFd(descriptors[0]);
  const sockets = { packetFd: packetSocket.fd, channelFd: run.channelFd };
  run.step("Child process started");
  run.note(`Current UID: ${getresuid().effective}`);
  run.note(`Current GID: ${getresgid().effective}`);
  run.step("Receiving AF_PACKET socket FD from parent...");
  run.done(`Received FD: ${packetSocket.fd}`, "PASS-02", "PASS-03");
  run.reached("received");
  run.receive("next");

  // 5. The control: what is refused after the drop must be possible before it. To one that was born without
  // capabilities it never was; then the parent's own socket is the control.
  const control = protections.includes("no-capabilities") ? "parent" : "child";
  const errnoBefore = control === "child" ? tryPacketSocket() : 0;

  // 6. The drop, and the proof of it. What is open without a reason goes before it: it may act as root afterwards.
  run.step("Dropping all privileges...");
  let doubt: PrivilegeError | undefined;
  try {
    leaveRoot(sockets, message, overrides.dropPrivileges);
  } catch (error) {
    if (!(error instanceof PrivilegeError)) throw error;
    doubt = error; // what is left is judged next
  }
  run.checks(judgeCredentials(threadCredentials("self"), { uid, gid }));
  const nobody = { uid: getresuid().effective, gid: getresgid().effective };
  run.check("DROP-05", judgeRegaining(tryToRegainRoot(), doubt));
  run.done("Privileges dropped!", "DROP-01", "DROP-02", "DROP-03", "DROP-04", "DROP-05");
  run.note(`New UID: ${nobody.uid} (${nobody.uid === 0 ? "root" : "unprivileged"})`);
  run.note(`New GID: ${nobody.gid} (${nobody.gid === 0 ? "root" : "unprivileged"})`);

  // 7. EPERM, and nothing else, says that CAP_NET_RAW is what is missing.
  run.step("Verifying CAP_NET_RAW is gone...");
  run.check("DENY-01", judgeDenial(errnoBefore, tryPacketSocket(), control));
  run.done("Cannot create new AF_PACKET sockets (CAP_NET_RAW dropped)", "DENY-01");
  run.reached("dropped");
  run.receive("next");

  // What it receives by is made without privilege, and before a filter forbids to make it.
  overrides.beforeUse(packetSocket.fd);
  if (protections.length > 0) run.step("Hardening...");
  const openSource = () => openFrameSource(receive, packetSocket.fd);
  using source = confine(run, sockets, message, openSource);
  if (protections.length > 0) {
    run.checks(await proveConfinement({ ...sockets, sourceFd: source.fd }, { uid, gid }));
    run.done("Confined on every thread, with every descriptor explained", ...CONFINEMENT_CHECKS);
  }

  // 8. What was queued while this process was root shows nothing.
  run.step("Attempting to receive packets using passed socket...");
  run.detail(`${drain(source)} frames were queued before; thrown away`);
  run.note(`Waiting for ${count} packets...`);
  run.reached("ready");

  // 9 and 10. Every frame goes to the parent, which alone knows what it sent.
  forwardFrames(run, source);
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

/** How long a frame that must not come is waited for, in milliseconds: a veth delivers within the sending call. */
const SETTLING_TIME = 1;

/** The ways of receiving that leave frames in the queue of the socket until they are read. */
const QUEUED: readonly ReceivePath[] = ["recvmsg", "recvfrom", "recvmmsg"];

/** How long a frame may take to the interface, and the child to read it, in milliseconds. */
const ARRIVAL_TIME = 50, READING_TIME = 2000;

/** RECV-01: whether the queue of the passed socket rises while the child stands still, and falls when it goes on. */
async function judgeRiseAndFall(
  child: Child,
  { passed, reception, witness }: {
    passed: string;
    reception: Reception;
    witness: InterfaceWitness;
  },
): Promise<Finding | undefined> {
  const memory = { before: queuedBytes(passed), during: queuedBytes(passed) };
  child.look({
    expected: { passed },
    meanwhile: () => {
      memory.before = queuedBytes(passed);
      reception.sendAhead(1);
      for (const deadline = Date.now() + ARRIVAL_TIME; Date.now() < deadline;) {
        memory.during = queuedBytes(passed);
        if (memory.during !== memory.before) break;
        sleep(SETTLING_TIME);
      }
    },
  });
  witness.look();
  const { before = 0, during = 0 } = memory;
  // A frame that does not arrive here shows nothing, nor does one that finds no room in a flood.
  if (witness.recognized === 0 || before > 0 && during <= before) return undefined;
  const after = await leastQueued(passed, Date.now() + READING_TIME);
  return judgeQueue(memory.before, memory.during, after);
}

function judgeQueueBeforeBind(packetFd: number, provoked: boolean): Finding {
  poll([packetFd], POLLIN, provoked ? SETTLING_TIME : 0);
  const queued = drain(new RecvmsgSource(packetFd));
  const { packets } = takeStatistics(packetFd);
  return judged(
    queued === 0 && packets === 0,
    `${queued} queued, ${packets} counted${provoked ? ", with one frame sent on purpose" : ""}`,
    { queued, tp_packets: packets, frame_sent_on_purpose: provoked },
  );
}

function judgeBinding({ ifindex, boundProtocol }: PacketSocketIdentity, wanted: number): Finding {
  return judged(
    ifindex === wanted && boundProtocol === ETH_P_ALL,
    `ifindex ${ifindex}, protocol 0x${boundProtocol.toString(16).padStart(4, "0")}`,
    { call: "getsockname", sll_ifindex: ifindex, sll_protocol: boundProtocol, wanted },
  );
}

function judgeOwnDescriptors(): Finding {
  const descriptors = openDescriptors("self");
  const packetSockets = [...descriptors.keys()].filter(isPacketSocket);
  return judged(
    packetSockets.length === 0,
    packetSockets.length === 0
      ? `none of ${descriptors.size} descriptors`
      : `packet sockets held: ${packetSockets.join(", ")}`,
    { descriptors: Object.fromEntries(descriptors), packet_sockets: packetSockets },
  );
}

if (import.meta.main) Deno.exit(await runChild([privilegeDrop], Deno.args));
