/**
 * D24, from the other side: what can a compromised worker still do with the passed socket, and what
 * takes that away?
 *
 * The kernel requires CAP_NET_RAW only once, when a packet socket is created. So a worker receives
 * one, drops its privileges as in `privilege-drop`, and then attacks: it attempts each operation of
 * `operations.ts` for real, and the parent looks for the effect from outside. It does so again
 * under each protection of `lib/confine/protections.ts` alone, and under all of them together,
 * where nothing may succeed and packets must still arrive.
 *
 *     for each column: plain, one protection, …, hardened
 *       parent                                    worker
 *       socket, bind, protections of the socket   .
 *       spawn (perhaps without capabilities) ───▶ .
 *       SCM_RIGHTS ─────────────────────────────▶ closes unknown descriptors, drops, is confined
 *       .                                         hardened: proves every thread and descriptor
 *       looks for the effect ◀─────────────────── attempts one operation after another
 *       hardened: stimulus ──────── veth ───────▶ receives
 *
 * Two siblings of the same uid run beside it as targets, each with a packet socket. One is
 * dumpable, one is not.
 *
 * @module
 */

import { ETH_P_ALL, PR_SET_DUMPABLE } from "../../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import { OwnedFd, pipe } from "../../../ffi/process/descriptor.ts";
import { prctl } from "../../../ffi/process/process.ts";
import { linkByName } from "../../../ffi/socket/rtnetlink.ts";
import { dropDespiteRings, EarlyRings, whyNotRootsRings } from "../../confine/early_rings.ts";
import { launcherUnder } from "../../confine/launcher.ts";
import { proveConfinement } from "../../confine/proof.ts";
import type { Protection } from "../../confine/protections.ts";
import { protectSocket } from "../../confine/socket_protections.ts";
import { leaveRoot, startWorker } from "../../confine/start.ts";
import { becomeWorker } from "../../confine/worker_protections.ts";
import { type CheckId, CONFINEMENT_CHECKS } from "../../evidence/checks.ts";
import { type Cell, type Conclusion, NOT_TRIED, type SeenBy } from "../../evidence/evidence.ts";
import type { Child } from "../../harness/child.ts";
import { runChild } from "../../harness/child_main.ts";
import type { ChildRun } from "../../harness/child_run.ts";
import type { Experiment } from "../../harness/experiment.ts";
import { forwardFrames } from "../../harness/forward.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import { asInteger, asText } from "../../harness/validate.ts";
import { requireStimulus, requireUp } from "../../host/interfaces.ts";
import { allowsUnprivilegedIoUring, whyProcHides } from "../../host/kernel.ts";
import { threadCredentials } from "../../inspect/threads/threads.ts";
import { ownPidOf } from "../../inspect/processes/processes.ts";
import { groupFilter, multicastFilter } from "../../packets/filters.ts";
import type { Interface, LinkLayer } from "../../packets/link_layer.ts";
import { arrives, ELSEWHERE, markedFrame } from "../../packets/marks.ts";
import { sendFrame } from "../../packets/send.ts";
import { boundPacketSocket, countDrops } from "../../packets/socket.ts";
import { Stimulus } from "../../packets/stimulus.ts";
import { DEFAULT_PATH, drain, openFrameSource, usesIoUring } from "../../receive/mod.ts";
import { RecvmsgSource } from "../../receive/recvmsg.ts";
import { EFFECT_TIMEOUT } from "./attacks.ts";
import { COLUMNS, expectedOutcome, HARDENED, PLAIN } from "./expected_outcome.ts";
import {
  allowedIn,
  asMatrix,
  compareOutcome,
  judgeColumns,
  judgeMore,
  judgeRefusal,
  lessThanListed,
  operationsNotTried,
  type Table,
} from "./judge.ts";
import { attemptOperation, type Operation, type WitnessName } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";
import { WORKER } from "./orders.ts";

/**
 * The parent's witnesses see what a worker sends. For the outcome of every other operation there is
 * only the worker's word.
 */
const SEEN_BY = ["parent", "child"] as const satisfies SeenBy[];

/**
 * The parent's program.
 *
 * @param columns The sets of protections to attack. A test leaves a protection out, to see which
 * outcomes change.
 * @param onReady Called in each column before the attack. A test inspects the worker there.
 */
export async function parent(
  run: ParentRun,
  columns = COLUMNS,
  onReady: (column: string, worker: Child, sibling: Child) => Promise<void> | void = () => {},
): Promise<Conclusion> {
  const { link, stimulus: stimulusLink, identity, count, receive = DEFAULT_PATH } = run.setting;
  const unseen = `Frames that a worker sends on "${link.name}" cannot be seen`;
  const far = requireStimulus(stimulusLink, link, unseen);
  const other = linkByName("lo");
  requireUp(other, "frames that a worker sends on it cannot be seen");
  const otherIfindex = other.ifindex;
  using stimulus = new Stimulus(far);
  using witness = run.witness();
  using farWitness = boundPacketSocket(far.ifindex, ETH_P_ALL, markFilter(far.layer));
  using otherWitness = boundPacketSocket(otherIfindex, ETH_P_ALL, markFilter(link.layer));
  const witnesses: Witnesses = {
    far: { fd: farWitness.fd, layer: far.layer, unseen: undefined },
    // Also there, marks have the form of this link's frames: the worker's filter knows no other.
    other: { fd: otherWitness.fd, layer: link.layer, unseen: undefined },
  };

  run.step("Sending a frame as the workers will, as the control...");
  testWitness(witnesses.far, link, far.name);
  testWitness(witnesses.other, { ifindex: otherIfindex, layer: link.layer, name: "lo" }, "lo");
  const unseenHere = unseenBy(witnesses);
  if (unseenHere === undefined) run.done("Root's own frames are seen where they should arrive");
  else run.note(unseenHere);

  run.step("Starting two siblings as targets...");
  await using dumpable = await startSibling(run, []);
  await using undumpable = await startSibling(run, ["undumpable"], dumpable.child);
  run.done(`Two workers are running (PIDs: ${dumpable.child.pid}, ${undumpable.child.pid})`);

  const table = new Map(OPERATIONS.map((operation) => [operation, new Map<string, Cell>()]));
  using unfinished = new DisposableStack();
  unfinished.defer(() => recordMore(run, table));
  let isSelfConfined = false;
  for (const { name, chosen } of columns) {
    run.step(`Attacking ${describeColumn(name)}...`);
    const sibling = chosen.includes("undumpable") ? undumpable : dumpable;
    using packetSocket = boundPacketSocket(link.ifindex, ETH_P_ALL);
    protectSocket(packetSocket.fd, chosen, multicastFilter(link.layer));
    const [forgottenRead, forgottenWrite] = pipe();
    using _forgottenRead = new OwnedFd(forgottenRead);
    using forgotten = new OwnedFd(forgottenWrite);
    await using worker = run.start({
      inherit: [forgotten.fd],
      launcher: launcherUnder(identity, chosen),
      beside: sibling.child,
    });
    const { ifindex, layer } = link;
    const target = {
      ifindex,
      layer,
      otherIfindex,
      sibling: {
        pid: ownPidOf(sibling.child.pid),
        pidInProc: sibling.child.pid,
        fd: sibling.fd,
      },
      forgottenFd: forgotten.fd,
    };
    const prove = name === HARDENED;
    const orders = {
      ...identity,
      protections: chosen,
      target,
      prove,
      receive: prove ? receive : DEFAULT_PATH,
    };
    worker.order(WORKER, orders, [packetSocket.fd]);
    await worker.reached("ready");
    await onReady(name, worker, sibling.child);

    for (const [operation, cells] of table) {
      // The worker awaits its order, and after the last one it ends.
      if (name === PLAIN && operation === OPERATIONS.at(-1)) {
        isSelfConfined = hasConfinedItself(worker.pid);
      }
      const seen = await observe(operation, worker, witnesses);
      cells.set(name, { known: expectedOutcome(operation, name, usesIoUring(receive)), ...seen });
    }
    const compared = [...table].map(([operation, cells]) => compareOutcome(operation, cells, name));
    const [less, differing] = ["less", "differs"].map((kind) =>
      compared.filter((each) => each === kind).length
    );
    run.note(
      `${allowedIn(table, name).length} of ${OPERATIONS.length} operations allowed, ` +
        (differing > 0
          ? `${differing} not as expected`
          : less > 0
          ? `${less} less than listed`
          : "all as expected"),
    );

    if (name === HARDENED) {
      const given = { packetFd: packetSocket.fd, ioUring: usesIoUring(receive) };
      run.checkHardened(worker, given);
      await worker.reached("receiving");
      const drops = countDrops(packetSocket.fd);
      await using reception = run.reception(worker, { stimulus, witness, drops }, {
        wanted: count,
        record: (reception) => run.check("AUTH-04", reception.judgeOrigin(count), ["answer"]),
      });
      await reception.until(count);
      reception.conclude();
      worker.send({ type: "enough" });
      await worker.reached("done", (frame) => reception.account(frame));
    }
    await worker.ended();
  }
  for (const sibling of [dumpable, undumpable]) {
    sibling.child.send({ type: "enough" });
    await sibling.child.ended();
  }

  unfinished.move(); // all is judged now
  const names = columns.map(({ name }) => name);
  const alone = names.filter((name) => name !== PLAIN && name !== HARDENED);
  run.matrix(asMatrix(table, names));
  const notTried = operationsNotTried(table);
  const doubts = { notTried, unseen: unseenBy(witnesses), isSelfConfined };
  run.check("AUTH-01", judgeColumns(table, [PLAIN], doubts), SEEN_BY);
  run.check("AUTH-02", judgeColumns(table, alone, doubts), SEEN_BY);
  run.check("AUTH-03", judgeRefusal(table, doubts), SEEN_BY);
  run.step("Results:");
  run.done(
    "The socket allows exactly the operations listed for this kernel",
    "AUTH-01",
    "AUTH-02",
  );
  for (const reason of notTried) run.note(reason, "AUTH-01", "AUTH-02", "AUTH-03");
  for (const less of lessThanListed(table, PLAIN)) run.note(less, "AUTH-01");
  run.done("A hardened worker can do nothing but receive", "AUTH-03", "AUTH-04");
  run.done(
    "It is confined on every thread, with only expected descriptors open",
    ...CONFINEMENT_CHECKS,
  );

  return {
    headline: "A compromised worker can do exactly what is listed, and hardening takes it away!",
    points: [
      `As passed, the socket allows ${allowedIn(table, PLAIN).length} of ` +
      `${OPERATIONS.length} operations`,
      "Hardened, it allows none of them; every one is refused",
      `The hardened worker received ${count} packet(s) after the attack`,
    ],
    decision: "D24 (Privilege Separation) is viable, with a hardened worker",
  };
}

/** The program of the worker, and of a sibling. */
export async function child(run: ChildRun): Promise<void> {
  const { message, descriptors } = run.receive(WORKER, 1);
  const { uid, gid, protections, target, prove, receive } = message;
  using packetSocket = new OwnedFd(descriptors[0]);
  const sockets = { packetFd: packetSocket.fd, channelFd: run.channelFd };

  if (target === null) {
    leaveRoot(sockets, message);
    prctl(PR_SET_DUMPABLE, protections.includes("undumpable") ? 0 : 1);
    run.reached("ready", { fd: packetSocket.fd });
    run.receive("enough");
    return;
  }
  const rings = makeEarlyRings(); // the trap: made as root, and never closed
  const openSource = () => openFrameSource(receive, packetSocket.fd);
  using source = startWorker(run, sockets, message, openSource, {
    becomeWorker: (...worker) => dropDespiteRings(() => becomeWorker(...worker)),
  });
  if (prove) run.checks(await proveConfinement({ ...sockets, sourceFd: source.fd }, { uid, gid }));
  run.reached("ready");

  const attacker = {
    ...target,
    packetFd: packetSocket.fd,
    rings,
    provoke() {
      run.reached("provoke");
      run.receive("next");
    },
  };
  for (const operation of OPERATIONS) {
    run.receive("next");
    const { outcome, syscall, refusal } = attemptOperation(operation, attacker);
    const mayBeFilters = syscall !== null && outcome === "EPERM";
    const rule = mayBeFilters ? run.explain(syscall) : undefined;
    run.reached("attempted", { outcome, refusal, rule: rule ?? null });
  }
  if (prove) {
    drain(source);
    run.reached("receiving");
    forwardFrames(run, source, target.layer);
    run.receive("enough");
    run.reached("done");
  }
}

/** The experiment. */
export const authority: Experiment = {
  module: import.meta.url,
  name: "authority",
  title: "Authority of a Passed Socket",
  question:
    "What can a compromised worker still do with the passed socket, and what takes it away?",
  decisions: ["D24"],
  whyNoAnswer: () => whyNotRootsRings() ?? whyProcHides(),
  links: () => [linkByName("lo")],
  timeout: 60,
  plan: ["AUTH-01", "AUTH-02", "AUTH-03", "AUTH-04", ...CONFINEMENT_CHECKS],
  parent,
  child,
};

/** Records what was more than listed in a run that ended early. That does not rest on the link. */
function recordMore(run: ParentRun, table: Table): void {
  for (const [id, finding] of Object.entries(judgeMore(table))) {
    run.check(id as CheckId, finding, SEEN_BY, false);
  }
}

/** Starts a sibling. Returns it, and the number of the packet socket that it holds. */
async function startSibling(
  run: ParentRun,
  protections: readonly Protection[],
  beside?: Child,
) {
  const { identity, link } = run.setting;
  using packetSocket = boundPacketSocket(link.ifindex, ETH_P_ALL);
  const child = run.start(beside && { beside });
  const orders = { protections, target: null, prove: false, receive: DEFAULT_PATH } as const;
  child.order(WORKER, { ...identity, ...orders }, [packetSocket.fd]);
  const { fd } = await child.reached("ready");
  return {
    child,
    fd: asInteger(fd, "fd", 0, 1 << 20),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/**
 * Makes rings for the attack.
 *
 * @returns The error if they cannot be made: io_uring is too old, or is disabled. Where it is
 * disabled, root could make rings and no other user could.
 */
function makeEarlyRings(): EarlyRings | SystemError {
  if (!allowsUnprivilegedIoUring()) return new SystemError("io_uring_setup", Errno.EPERM);
  try {
    return new EarlyRings();
  } catch (error) {
    if (error instanceof SystemError) return error;
    throw error;
  }
}

/** A packet socket that sees what a worker sends. */
interface Witness {
  readonly fd: number;
  /** The form of the frames that it receives. */
  readonly layer: LinkLayer;
  /** Why it does not see what root sends; `undefined` if it does. */
  unseen: string | undefined;
}

type Witnesses = { readonly [where in WitnessName]: Witness };

/** The filter of a witness: a flood of others must not leave it without room. */
const markFilter = (layer: LinkLayer) => groupFilter(ELSEWHERE, layer);

/** How often root tries to have a frame seen. */
const CONTROL_ATTEMPTS = 3;

/**
 * The control of a witness: root's own frame must arrive there.
 *
 * @param from The interface from which root sends.
 * @param to The name of the witness's interface.
 */
function testWitness(
  witness: Witness,
  from: Pick<Interface, "ifindex" | "layer" | "name">,
  to: string,
): void {
  using sender = boundPacketSocket(from.ifindex, 0);
  for (let left = CONTROL_ATTEMPTS; left > 0; left--) {
    sendFrame(sender.fd, markedFrame("control", from.layer));
    if (arrives(witness, "control", EFFECT_TIMEOUT / CONTROL_ATTEMPTS)) return;
  }
  witness.unseen = `Root's own frame from "${from.name}" does not arrive at "${to}", so nothing ` +
    "shows what a worker sends: choose interfaces that pass multicast in both directions";
}

/** Returns why a witness sees nothing; `undefined` if each sees root's own frame. */
const unseenBy = ({ far, other }: Witnesses) => far.unseen ?? other.unseen;

/** Whether a process has put a protection on itself that the parent itself does not have. */
function hasConfinedItself(pid: number): boolean {
  const [own] = threadCredentials("self");
  return threadCredentials(pid).some(({ noNewPrivs, seccomp, filters }) =>
    noNewPrivs !== own.noNewPrivs || seccomp !== own.seccomp || filters !== own.filters
  );
}

/** Has the worker attempt an operation, and looks for the effect. */
async function observe(
  { name, witness }: Operation,
  worker: Child,
  witnesses: Witnesses,
): Promise<Omit<Cell, "known"> & { readonly known?: string }> {
  if (witness !== undefined) drain(new RecvmsgSource(witnesses[witness].fd));
  worker.send({ type: "next" });
  for (;;) {
    const { stage, detail } = await worker.reachedEither("attempted", "provoke");
    if (stage === "provoke") {
      sendFrame(witnesses.other.fd, markedFrame(name, witnesses.other.layer));
      worker.send({ type: "next" });
      continue;
    }
    const outcome = asText(detail.outcome, "outcome", 32);
    const rule = detail.rule === null ? null : asText(detail.rule, "rule");
    const refusal = detail.refusal === null ? null : asText(detail.refusal, "refusal");
    if (witness === undefined) return { outcome, refusal, rule };
    // The worker's word does not count here: a frame that arrives was sent.
    const { unseen } = witnesses[witness];
    const patience = outcome === "allowed" && unseen === undefined ? EFFECT_TIMEOUT : 0;
    const arrived = arrives(witnesses[witness], name, patience);
    if (!arrived && unseen !== undefined) {
      return { outcome: NOT_TRIED, known: NOT_TRIED, refusal: unseen, rule };
    }
    const effect = arrived ? "allowed" : outcome === "allowed" ? "no effect" : outcome;
    return { outcome: effect, refusal, rule };
  }
}

function describeColumn(name: string): string {
  if (name === PLAIN) return "with the socket as passed";
  return name === HARDENED ? "under all protections together" : `under "${name}" alone`;
}

if (import.meta.main) Deno.exit(await runChild([authority], Deno.args));
