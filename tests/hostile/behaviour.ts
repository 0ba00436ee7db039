/**
 * How a hostile child of `privilege-drop` behaves: the moments at which it can do something of its
 * own, and what it reports of its checks.
 *
 * @module
 */

import { close, dropPrivileges, type Identity, WaitingThreads } from "../../ffi/mod.ts";
import type { ChildRun } from "../../lib/harness/child_run.ts";
import type { CheckId } from "../../lib/evidence/checks.ts";
import { SOCKET } from "../../lib/harness/worker_orders.ts";
import { CONFINEMENT_CHECKS } from "../../lib/evidence/checks.ts";
import { type Finding, judged, type Verdict } from "../../lib/evidence/evidence.ts";
import { privilegeDrop } from "../../lib/experiments/privilege_drop/experiment.ts";
import { HEAD_LIMIT } from "../../lib/harness/protocol.ts";
import { forwardFrames } from "../../lib/harness/forward.ts";
import { dropDespiteRings } from "../../lib/confine/early_rings.ts";
import type { Protection } from "../../lib/confine/protections.ts";
import { becomeWorker, protectWorker } from "../../lib/confine/worker_protections.ts";
import { currentFrame, drain, type FrameSource, openFrameSource } from "../../lib/receive/mod.ts";

/** What a child has at a moment of its program. */
export interface Situation {
  readonly run: ChildRun;
  readonly packetFd: number;
  readonly identity: Identity;
  readonly protections: readonly Protection[];
}

/**
 * What one hostile child does. At the moments that are left out it does what an honest child does.
 */
export interface Behaviour {
  readonly what: string;
  /** The verdicts that the run may have; FAIL by default. */
  readonly verdicts?: readonly Verdict[];
  /** Matches the error that ends the run, if it is not a check that the parent decides. */
  readonly reported?: RegExp;
  readonly harden?: boolean;
  /** Additional options of the command line. */
  readonly args?: readonly string[];
  /** At its start, before it reports that. */
  readonly born?: (run: ChildRun) => void;
  /** When it has the socket, before it reports that. */
  readonly received?: (situation: Situation) => void;
  /** After the parent's first look, the last moment as root. */
  readonly root?: (situation: Situation) => void;
  /** In place of the drop. */
  readonly drop?: (situation: Situation) => void;
  /** After the drop, before it reports that. */
  readonly dropped?: (situation: Situation) => void;
  /** After it has reported the drop, while the parent looks. */
  readonly looked?: (situation: Situation) => void;
  /** After that look, before its protections. */
  readonly free?: (situation: Situation) => void;
  /** In place of its protections, with `--harden`. */
  readonly protect?: (situation: Situation, source: FrameSource) => void;
  /** In place of returning frames, until the parent sends something. */
  readonly receive?: (situation: Situation, source: FrameSource) => void;
}

/** The moments at which a child can report anything. */
export const MOMENTS = ["born", "received", "root", "dropped", "free", "ready", "end"] as const;

/** Reports findings at each moment. */
export type Reports = (
  run: ChildRun,
  moment: typeof MOMENTS[number],
  checks: readonly CheckId[],
) => void;

/** Reports that every check holds. */
export const claimEverything: Reports = (run, moment, checks) => {
  if (moment !== "dropped" && moment !== "end") return;
  for (const id of checks) run.check(id, CLAIM);
};

const CLAIM: Finding = judged(true, "trust me");

/** The child's program of {@linkcode privilegeDrop}, with one behaviour. */
export function behave(
  run: ChildRun,
  behaviour: Behaviour,
  reports: Reports = claimEverything,
): void {
  const checks = [...privilegeDrop.plan, ...behaviour.harden ? CONFINEMENT_CHECKS : []];
  const report = (moment: typeof MOMENTS[number]) => reports(run, moment, checks);
  behaviour.born?.(run);
  report("born");
  run.reached("started");

  const { message, descriptors: [packetFd] } = run.receive(SOCKET, 1);
  const { uid, gid, protections, receive } = message;
  const situation = { run, packetFd, identity: { uid, gid }, protections };
  behaviour.received?.(situation);
  report("received");
  run.reached("received");
  run.receive("next");

  behaviour.root?.(situation);
  report("root");
  (behaviour.drop ?? dropAsOrdered)(situation);
  behaviour.dropped?.(situation);
  report("dropped");
  run.reached("dropped");
  behaviour.looked?.(situation);
  run.receive("next");

  behaviour.free?.(situation);
  report("free");
  const source = openFrameSource(receive, packetFd);
  if (protections.length > 0) (behaviour.protect ?? protectAsOrdered)(situation, source);
  drain(source);
  report("ready");
  run.reached("ready");
  (behaviour.receive ?? (() => forwardFrames(run, source)))(situation, source);
  run.receive("enough");
  report("end");
  run.reached("done");
  source[Symbol.dispose]();
  close(packetFd);
}

function dropAsOrdered({ identity, protections }: Situation): void {
  if (protections.length === 0) dropDespiteRings(() => dropPrivileges(identity));
  else becomeWorker(identity, protections);
}

/** Puts the ordered protections on the process. */
export function protectAsOrdered(situation: Situation, source: FrameSource): void {
  protectBy(situation, source, situation.protections);
}

/** Puts some protections on the process, and starts the threads that the parent expects. */
export function protectBy(
  { run, packetFd }: Situation,
  source: FrameSource,
  protections: readonly Protection[],
): void {
  const worker = { packetFd, channelFd: run.channelFd, sourceFd: source.fd };
  protectWorker(worker, protections);
  new WaitingThreads(4);
}

/** Returns a frame to the parent: its length, its beginning, and its time in nanoseconds. */
export function returnFrame(
  run: ChildRun,
  bytes: number,
  head: Uint8Array,
  timestamp: bigint,
): void {
  const timestamp_ns = String(timestamp);
  run.packet({ bytes, head: head.toBase64(), timestamp_ns, stamped_by: "kernel" });
}

/** Returns the frame that a source stands at, or an altered beginning of it. */
export function returnCurrentFrame(
  run: ChildRun,
  source: FrameSource,
  head: Uint8Array = currentFrame(source).slice(0, HEAD_LIMIT),
): void {
  returnFrame(run, source.length, head, source.timestamp() ?? 0n);
}
