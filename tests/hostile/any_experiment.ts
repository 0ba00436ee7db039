/**
 * Misdeeds that a child of any experiment can commit: each changes the child's program from its
 * first line on.
 *
 * @module
 */

import {
  CLONE_FILES,
  CLONE_UNTRACED,
  close,
  Errno,
  openDescriptors,
  sleep,
  SystemError,
} from "../../ffi/mod.ts";
import { type Finding, judged, skipped } from "../../lib/evidence/evidence.ts";
import { isPacketSocket } from "../../lib/packets/socket.ts";
import type { ChildRun } from "../../lib/harness/child_run.ts";
import type { CheckId } from "../../lib/evidence/checks.ts";
import type { Confinement } from "../../lib/confine/start.ts";
import { leaveProcesses, LEFT_PROCESSES, type LeftProcesses } from "./leaving.ts";
import { startSharing } from "./processes.ts";

/** Does something when a message with orders arrives. */
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

/** Has a hardened worker take uid 0 from its orders: it stays root, and goes on. */
function keepRoot(run: ChildRun): void {
  atOrders(run, (message) => {
    const isHardened = message.protections.includes("no-capabilities");
    if (isHardened) Object.assign(message, { uid: 0, gid: 0 });
  });
}

/**
 * Starts a process that shares its memory, its descriptors and its launcher, and has no protection.
 */
function keepProcess(run: ChildRun): void {
  atOrders(run, () => startSharing(CLONE_FILES | CLONE_UNTRACED));
}

/** Changes the finding that a child reports for each of its checks. */
function reporting(run: ChildRun, report: (id: CheckId) => Finding): void {
  const honest = run.check.bind(run);
  run.check = (id) => honest(id, report(id));
}

/** Delays the child's reports until the parent has looked. */
function reportLate(run: ChildRun): void {
  const held: (() => void)[] = [];
  const check = run.check.bind(run), reached = run.reached.bind(run);
  run.check = (id) => held.push(() => check(id, judged(true, "trust me")));
  run.reached = (stage, detail) => {
    reached(stage, detail);
    if (stage === "ready") { for (const report of held.splice(0)) report(); }
  };
}

/** The misdeeds, by name. */
export const MISDEEDS = {
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
  ...Object.fromEntries(LEFT_PROCESSES.map((name) => [name, () => leaveProcesses(name)])) as {
    readonly [name in LeftProcesses]: () => void;
  },
  /** Gives up over a refusal that does not exist. */
  pretender(run: ChildRun): void {
    atOrders(run, () => {
      throw new SystemError("seccomp", Errno.EPERM);
    });
  },
  /** Ends like a launcher that has no room for another process. */
  leaver(): void {
    Deno.exit(126);
  },
  /** Closes its packet sockets when it is to be looked at, and gives up a little later. */
  departing(run: ChildRun): void {
    const reached = run.reached.bind(run);
    run.reached = (stage, detail) => {
      reached(stage, detail);
      if (stage !== "ready") return;
      for (const fd of openDescriptors("self").keys()) if (isPacketSocket(fd)) close(fd);
      sleep(50);
      throw new SystemError("recvmsg", Errno.ENETDOWN);
    };
  },
  /** Attempts nothing, and says that all is allowed. */
  braggart(run: ChildRun): void {
    const reached = run.reached.bind(run);
    run.reached = (stage, detail) =>
      reached(stage, stage === "attempted" ? { ...detail, outcome: "allowed" } : detail);
  },
  honest(): void {},
} as const;

/** The misdeeds of children that keep what they should give up, and lie about it. */
export const KEEPING = ["skip", "late", "liar", "process"] as const;

/** The name of a misdeed. */
export type Misdeed = keyof typeof MISDEEDS;
