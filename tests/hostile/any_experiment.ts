/**
 * Hostile deeds that a child of any experiment can do: each changes what the child's program does from its first line on.
 *
 * @module
 */

import { type Finding, judged, skipped } from "../../lib/evidence/evidence.ts";
import type { ChildRun } from "../../lib/harness/child_run.ts";
import type { CheckId } from "../../lib/evidence/checks.ts";
import type { Confinement } from "../../lib/confine/start.ts";
import { leaveProcesses, type Leaving, LEAVINGS } from "./leaving.ts";
import { CLONE_FILES, CLONE_UNTRACED, startSharing } from "./processes.ts";

/** Does something when a message with orders has come. */
function atOrders(
  run: ChildRun,
  act: (message: Confinement) => void,
): void {
  const honest = run.receive.bind(run);
  run.receive = (type, descriptors) => {
    const delivery = honest(type, descriptors);
    const message: Partial<Confinement> = delivery.message;
    if (message.protections !== undefined) act(message as Confinement);
    return delivery;
  };
}

/** Has a hardened worker understand that it is to become root: it stays that, and goes on. */
function keepRoot(run: ChildRun): void {
  atOrders(run, (message) => {
    const isHardened = message.protections.includes("no-capabilities");
    if (isHardened) Object.assign(message, { uid: 0, gid: 0 });
  });
}

/** Keeps a process beside it that has its memory, its descriptors and its birth, and is under no protection. */
function keepProcess(run: ChildRun): void {
  atOrders(run, () => startSharing(CLONE_FILES | CLONE_UNTRACED));
}

/** Has a child report something else of each of its checks. */
function reporting(run: ChildRun, report: (id: CheckId) => Finding): void {
  const honest = run.check.bind(run);
  run.check = (id) => honest(id, report(id));
}

/** Holds back what a child makes of its checks until the parent has looked. */
function reportLate(run: ChildRun): void {
  const held: (() => void)[] = [];
  const check = run.check.bind(run), reached = run.reached.bind(run);
  run.check = (id) => held.push(() => check(id, judged(true, "trust me")));
  run.reached = (stage, detail) => {
    reached(stage, detail);
    if (stage === "ready") { for (const report of held.splice(0)) report(); }
  };
}

/** What is done, by name. */
export const ANYWHERE = {
  skip(run: ChildRun): void {
    keepRoot(run);
    reporting(run, () => skipped("not here"));
  },
  late(run: ChildRun): void {
    keepRoot(run);
    reportLate(run);
  },
  liar(run: ChildRun): void {
    keepRoot(run);
    reporting(run, () => judged(true, "trust me"));
  },
  process(run: ChildRun): void {
    keepProcess(run);
    reporting(run, () => judged(true, "trust me"));
  },
  ...Object.fromEntries(LEAVINGS.map((name) => [name, () => leaveProcesses(name)])) as {
    readonly [name in Leaving]: () => void;
  },
  honest(): void {},
} as const;

/** Those that keep what they should give up, and lie. */
export const KEEPING = ["skip", "late", "liar", "process"] as const;

/** The name of one of these deeds. */
export type Anywhere = keyof typeof ANYWHERE;
