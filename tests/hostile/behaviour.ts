/**
 * What a hostile child of `privilege-drop` is: the moments at which it may do something else, and what it says.
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
import { forwardFrames } from "../../lib/harness/forward.ts";
import { becomeWorker, type Protection, protectWorker } from "../../lib/confine/protections.ts";
import { drain, type FrameSource, openFrameSource } from "../../lib/receive/mod.ts";

/** What a child is given, and what it is in. */
export interface Given {
  readonly run: ChildRun;
  readonly packetFd: number;
  readonly identity: Identity;
  readonly protections: readonly Protection[];
}

/** What one hostile child does. Whatever is left out it does as it should. */
export interface Deed {
  readonly what: string;
  /** What the run may come to; FAIL if nothing is given. */
  readonly comesTo?: readonly Verdict[];
  /** What ends the run, where it is not a check that the parent decides. */
  readonly says?: RegExp;
  readonly harden?: boolean;
  /** Options of the command line beside the usual. */
  readonly args?: readonly string[];
  /** When it is born, before it says that it has started. */
  readonly born?: (run: ChildRun) => void;
  /** When it has the socket, before it says so. */
  readonly received?: (given: Given) => void;
  /** When it was looked at, and is root for the last time. */
  readonly root?: (given: Given) => void;
  /** Instead of the drop. */
  readonly drop?: (given: Given) => void;
  /** After the drop, before it says so. */
  readonly dropped?: (given: Given) => void;
  /** When it has said so, and is looked at. */
  readonly looked?: (given: Given) => void;
  /** When it was looked at, before its protections. */
  readonly free?: (given: Given) => void;
  /** Instead of its protections, with `--harden`. */
  readonly protect?: (given: Given, source: FrameSource) => void;
  /** Instead of handing on what it receives, until the parent says something. */
  readonly receive?: (given: Given, source: FrameSource) => void;
}

/** The moments between which a child may say anything. */
export const MOMENTS = ["born", "received", "root", "dropped", "free", "ready", "end"] as const;

/** What a child says at each of its moments, beside where it stands. */
export type Words = (
  run: ChildRun,
  moment: typeof MOMENTS[number],
  checks: readonly CheckId[],
) => void;

/** Reports of every check that it holds. */
export const claimEverything: Words = (run, moment, checks) => {
  if (moment !== "dropped" && moment !== "end") return;
  for (const id of checks) run.check(id, CLAIM);
};

const CLAIM: Finding = judged(true, "trust me");

/** The child's part of `privilege-drop`, as {@linkcode privilegeDrop} has it but for one deed. */
export function play(run: ChildRun, deed: Deed, say: Words = claimEverything): void {
  const checks = [...privilegeDrop.plan, ...deed.harden ? CONFINEMENT_CHECKS : []];
  const words = (moment: typeof MOMENTS[number]) => say(run, moment, checks);
  deed.born?.(run);
  words("born");
  run.reached("started");

  const { message, descriptors: [packetFd] } = run.receive(SOCKET, 1);
  const { uid, gid, protections, receive } = message;
  const given = { run, packetFd, identity: { uid, gid }, protections };
  deed.received?.(given);
  words("received");
  run.reached("received");
  run.receive("next");

  deed.root?.(given);
  words("root");
  (deed.drop ?? dropAsOrdered)(given);
  deed.dropped?.(given);
  words("dropped");
  run.reached("dropped");
  deed.looked?.(given);
  run.receive("next");

  deed.free?.(given);
  words("free");
  const source = openFrameSource(receive, packetFd);
  if (protections.length > 0) (deed.protect ?? protectAsOrdered)(given, source);
  drain(source);
  words("ready");
  run.reached("ready");
  (deed.receive ?? (() => forwardFrames(run, source)))(given, source);
  run.receive("enough");
  words("end");
  run.reached("done");
  source[Symbol.dispose]();
  close(packetFd);
}

function dropAsOrdered({ identity, protections }: Given): void {
  if (protections.length === 0) dropPrivileges(identity);
  else becomeWorker(identity, protections);
}

/** Puts on itself what it should, or less. */
export function protectAsOrdered(given: Given, source: FrameSource): void {
  protectBy(given, source, given.protections);
}

/** Puts some protections on itself, and starts the threads that the parent wants to see. */
export function protectBy(
  { run, packetFd }: Given,
  source: FrameSource,
  protections: readonly Protection[],
): void {
  const worker = { packetFd, channelFd: run.channelFd, sourceFd: source.fd };
  protectWorker(worker, protections);
  new WaitingThreads(4);
}
