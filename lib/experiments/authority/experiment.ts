/**
 * D24, the other side: what can a compromised worker still do with the passed socket, and what takes it away?
 *
 * The kernel asks for CAP_NET_RAW once, when a packet socket is made. So a worker is given one, drops everything as in `privilege-drop`, and then
 * attacks: each operation of `operations.ts`, for real, its effect looked at from outside. Then again under each protection of `protections.ts` alone,
 * and under all of them together, where nothing may succeed and packets must still arrive.
 *
 *     for each column: plain, one protection, …, hardened
 *       parent                                    worker
 *       socket, bind, protections of the socket   .
 *       spawn (perhaps without capabilities) ───▶ closes what has no reason to be open
 *       SCM_RIGHTS ─────────────────────────────▶ drops, then protects itself
 *       .                                         hardened: proves every thread and descriptor
 *       looks for the effect ◀──────────────────── attempts an operation, one after another
 *       hardened: stimulus ──────── veth ───────▶ receives
 *
 * Two siblings of the same uid sit beside it, each with a packet socket, to be attacked: one dumpable, one not.
 *
 * @module
 */

import { ETH_P_ALL, PR_SET_DUMPABLE } from "../../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import { OwnedFd, pipe } from "../../../ffi/process/descriptor.ts";
import { prctl } from "../../../ffi/process/process.ts";
import { if_nametoindex } from "../../../ffi/socket/rtnetlink.ts";
import { EFFECT_TIMEOUT } from "./attacks.ts";
import { runChild } from "../../harness/child_main.ts";
import type { ChildRun } from "../../harness/child_run.ts";
import { CONFINEMENT_CHECKS } from "../../evidence/checks.ts";
import { proveConfinement } from "../../confine/proof.ts";
import { checkHardened } from "../../harness/hardened.ts";
import {
  type Cell,
  type Conclusion,
  type Finding,
  judged,
  type Matrix,
  NOT_TRIED,
  type SeenBy,
} from "../../evidence/evidence.ts";
import { EarlyRings } from "../../confine/early_rings.ts";
import type { Experiment } from "../../harness/experiment.ts";
import { forwardFrames } from "../../harness/forward.ts";
import { ownPidOf } from "../../inspect/processes.ts";
import { InterfaceWitness } from "../../harness/interface_witness.ts";
import { isUnprivilegedIoUring, whyProcHides } from "../../host/kernel.ts";
import { arrives, markedFrame } from "../../packets/marks.ts";
import { sendFrame } from "../../packets/send.ts";
import { boundPacketSocket } from "../../packets/socket.ts";
import { Stimulus } from "../../packets/stimulus.ts";
import { asInteger, asText } from "../../harness/validate.ts";
import { WORKER } from "./orders.ts";
import {
  attemptOperation,
  COLUMNS,
  expectedOutcome,
  HARDENED,
  type Operation,
  OPERATIONS,
  PLAIN,
  type Witness,
} from "./operations.ts";
import { CannotAnswer } from "../../evidence/errors.ts";
import { RecvmsgSource } from "../../receive/recvmsg.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import { birthUnder, type Protection, protectSocket } from "../../confine/protections.ts";
import { leaveRoot, startWorker } from "../../confine/start.ts";
import { drain, isRing, openFrameSource, USUAL_PATH } from "../../receive/mod.ts";
import { Reception } from "../../harness/reception.ts";
import type { Child } from "../../harness/child.ts";

/** What a worker sends, the parent's witnesses see. Of the other operations the worker says what came of them. */
const SEEN_BY = ["parent", "child"] as const satisfies SeenBy[];

/**
 * The parent's program.
 *
 * @param columns What is attacked with which protections. A test leaves one out to see its rows turn.
 */
export async function parent(run: ParentRun, columns = COLUMNS): Promise<Conclusion> {
  const { link, stimulus: far, identity, count, receive = USUAL_PATH } = run.setting;
  if (far === undefined) {
    throw new CannotAnswer(
      `What a worker sends at "${link.name}" cannot be seen: its veth peer is not here`,
      "Run it by scripts/netns.sh, or name the peer with --stimulus",
    );
  }
  const otherIfindex = if_nametoindex("lo");
  using stimulus = new Stimulus(far);
  using witness = new InterfaceWitness(link.ifindex);
  using farWitness = boundPacketSocket(far.ifindex, ETH_P_ALL);
  using otherWitness = boundPacketSocket(otherIfindex, ETH_P_ALL);
  const witnesses = { far: farWitness.fd, other: otherWitness.fd };

  run.step("Starting two siblings to be attacked...");
  await using dumpable = await startSibling(run, []);
  await using undumpable = await startSibling(run, ["undumpable"], dumpable.child);
  run.done(`Two workers sit there (PIDs: ${dumpable.child.pid}, ${undumpable.child.pid})`);

  const rows = new Map(OPERATIONS.map((operation) => [operation, new Map<string, Cell>()]));
  for (const { name, chosen } of columns) {
    run.step(`Attacking ${describeColumn(name)}...`);
    const sibling = chosen.includes("undumpable") ? undumpable : dumpable;
    using packetSocket = boundPacketSocket(link.ifindex, ETH_P_ALL);
    protectSocket(packetSocket.fd, chosen);
    const [forgottenRead, forgottenWrite] = pipe();
    using _forgottenRead = new OwnedFd(forgottenRead);
    using forgotten = new OwnedFd(forgottenWrite);
    await using worker = run.start({
      inherit: [forgotten.fd],
      launcher: birthUnder(identity, chosen),
      beside: sibling.child,
    });
    const { ifindex } = link;
    const target = {
      ifindex,
      otherIfindex,
      sibling: {
        pid: ownPidOf(sibling.child.pid),
        pidInProc: sibling.child.pid,
        fd: sibling.fd,
      },
      forgottenFd: forgotten.fd,
    };
    const prove = name === HARDENED;
    const way = { receive: prove ? receive : USUAL_PATH };
    const orders = { ...identity, protections: chosen, target, prove, ...way };
    worker.order(WORKER, orders, [packetSocket.fd]);
    await worker.reached("ready");

    for (const [operation, cells] of rows) {
      const seen = await observe(operation, worker, witnesses);
      cells.set(name, { ...seen, known: expectedOutcome(operation, name, isRing(receive)) });
    }
    const differing = [...rows.values()].filter((cells) => !isKnown(cells.get(name)));
    run.note(
      `${allowedIn(rows, name).length} of ${OPERATIONS.length} operations allowed, ` +
        `${differing.length} otherwise than known`,
    );

    if (name === HARDENED) {
      const given = { packetFd: packetSocket.fd, ioUring: isRing(receive) };
      checkHardened(run, worker, given);
      await worker.reached("receiving");
      const reception = new Reception(run, worker, { stimulus, witness });
      await reception.until(count);
      run.check("AUTH-04", reception.judgeOrigin(count), ["answer"]);
      worker.send({ type: "enough" });
      await worker.reached("done", (frame) => reception.account(frame));
    }
    await worker.ended();
  }
  for (const sibling of [dumpable, undumpable]) {
    sibling.child.send({ type: "enough" });
    await sibling.child.ended();
  }

  const alone = columns.map(({ name }) => name).filter((name) =>
    name !== PLAIN && name !== HARDENED
  );
  run.matrix(asMatrix(columns.map(({ name }) => name), rows));
  const notTried = whyNotTried(rows);
  run.check("AUTH-01", judgeColumns(rows, [PLAIN], notTried), SEEN_BY);
  run.check("AUTH-02", judgeColumns(rows, alone, notTried), SEEN_BY);
  run.check("AUTH-03", judgeRefusal(rows, notTried), SEEN_BY);
  run.step("Results:");
  run.done("What the socket allows is known", "AUTH-01", "AUTH-02");
  for (const reason of notTried) run.note(reason, "AUTH-01", "AUTH-02", "AUTH-03");
  run.done("Nothing is left to a hardened worker but receiving", "AUTH-03", "AUTH-04");
  run.done(
    "It is confined on every thread, with every descriptor explained",
    ...CONFINEMENT_CHECKS,
  );

  return {
    headline: "What a compromised worker can do is known, and taken away!",
    points: [
      `As it is passed, the socket allows ${allowedIn(rows, PLAIN).length} of ` +
      `${OPERATIONS.length} operations`,
      "Hardened, none of them; every one is refused",
      `The hardened worker received ${count} packet(s) after the attack`,
    ],
    decision: "D24 (Privilege Separation) is viable, with a hardened worker",
  };
}

/** The worker's program, and that of a sibling. */
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
  const rings = makeEarlyRings(); // as root, and never closed: the trap
  const openSource = () => openFrameSource(receive, packetSocket.fd);
  using source = startWorker(run, sockets, message, openSource);
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
    forwardFrames(run, source);
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
  whyNoAnswer: whyProcHides,
  timeout: 60,
  plan: ["AUTH-01", "AUTH-02", "AUTH-03", "AUTH-04", ...CONFINEMENT_CHECKS],
  parent,
  child,
};

/** Starts a sibling; returns it, and the number of its packet socket there. */
async function startSibling(
  run: ParentRun,
  protections: readonly Protection[],
  beside?: Child,
) {
  const { identity, link } = run.setting;
  using packetSocket = boundPacketSocket(link.ifindex, ETH_P_ALL);
  const child = run.start(beside && { beside });
  const orders = { protections, target: null, prove: false, receive: USUAL_PATH } as const;
  child.order(WORKER, { ...identity, ...orders }, [packetSocket.fd]);
  const { fd } = await child.reached("ready");
  return {
    child,
    fd: asInteger(fd, "fd", 0, 1 << 20),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** Rings for the attack, or why there are none: where io_uring is too old, or disabled (root could make them, and nobody else). */
function makeEarlyRings(): EarlyRings | SystemError {
  if (!isUnprivilegedIoUring()) return new SystemError("io_uring_setup", Errno.EPERM);
  try {
    return new EarlyRings();
  } catch (error) {
    if (error instanceof SystemError) return error;
    throw error;
  }
}

/** Hears what came of an operation, and looks for its effect. */
async function observe(
  { name, witness }: Operation,
  worker: Child,
  witnesses: { readonly [where in Witness]: number },
): Promise<Omit<Cell, "known">> {
  if (witness !== undefined) drain(new RecvmsgSource(witnesses[witness]));
  worker.send({ type: "next" });
  for (;;) {
    const { stage, detail } = await worker.reachedEither("attempted", "provoke");
    if (stage === "provoke") {
      sendFrame(witnesses.other, markedFrame(name));
      worker.send({ type: "next" });
      continue;
    }
    const outcome = asText(detail.outcome, "outcome", 32);
    const rule = detail.rule === null ? null : asText(detail.rule, "rule");
    const refusal = detail.refusal === null ? null : asText(detail.refusal, "refusal");
    if (witness === undefined) return { outcome, refusal, rule };
    // What the worker says is not what counts: a frame that arrives was sent.
    const arrived = arrives(witnesses[witness], name, outcome === "allowed" ? EFFECT_TIMEOUT : 0);
    const effect = arrived ? "allowed" : outcome === "allowed" ? "no effect" : outcome;
    return { outcome: effect, refusal, rule };
  }
}

function describeColumn(name: string): string {
  if (name === PLAIN) return "with the socket as it was passed";
  return name === HARDENED ? "under all protections together" : `under "${name}" alone`;
}

function isKnown(cell: Cell | undefined): boolean {
  return cell !== undefined && cell.outcome === cell.known;
}

type Rows = ReadonlyMap<Operation, ReadonlyMap<string, Cell>>;

function asMatrix(names: readonly string[], rows: Rows): Matrix {
  return {
    columns: names,
    rows: [...rows].map(([{ name, gives, source }, cells]) => ({
      operation: name,
      gives,
      source,
      cells: Object.fromEntries(cells),
    })),
  };
}

/** The operations that could not be tried here, each with the reason. */
function whyNotTried(rows: Rows): string[] {
  return [...rows.keys()].flatMap(({ name, whyNotTried }) => {
    const reason = whyNotTried?.();
    return reason === undefined ? [] : [`Not tried: ${name}: ${reason}`];
  });
}

function judgeColumns(
  rows: Rows,
  names: readonly string[],
  reasons: readonly string[],
): Finding {
  const cells = [...rows].flatMap(([{ name }, row]) =>
    names.map((column) => ({ operation: name, column, ...row.get(column) }))
  );
  const differing = cells.filter(({ outcome, known }) =>
    outcome === undefined || outcome !== known
  );
  const shown = differing.map(({ operation, column, outcome, refusal, known }) =>
    `${operation} (${column}): ${outcome}${refusal ? ` (${refusal})` : ""}, known: ${known}`
  );
  const tried = cells.filter(({ outcome }) => outcome !== NOT_TRIED).length;
  const notTried = tried === cells.length ? "" : `, ${cells.length - tried} not tried`;
  return judged(
    names.length > 0 && differing.length === 0,
    differing.length === 0 ? `${tried} of ${tried} as known${notTried}` : shown.join("; "),
    { differing, not_tried: reasons },
  );
}

function judgeRefusal(rows: Rows, reasons: readonly string[]): Finding {
  const allowed = allowedIn(rows, HARDENED);
  if (allowed.length === 0) return judgeColumns(rows, [HARDENED], reasons);
  return judged(false, `allowed: ${allowed.join(", ")}`);
}

/** The operations that are allowed in a column; one that was never tried there counts as such. */
function allowedIn(rows: Rows, column: string): string[] {
  return [...rows]
    .filter(([, row]) => (row.get(column)?.outcome ?? "allowed") === "allowed")
    .map(([{ name }]) => name);
}

if (import.meta.main) Deno.exit(await runChild([authority], Deno.args));
