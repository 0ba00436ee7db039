/**
 * Refutations: real defects in an experiment, each with the checks that must fail because of it.
 * Also the overrides that the defects of several experiments share.
 *
 * @module
 */

import {
  assemble,
  attachFilter,
  bpfReturn,
  rawSyscall,
  setgroups,
  setresgid,
} from "../../ffi/mod.ts";
import type { ChildRun } from "../../lib/harness/child_run.ts";
import type { CheckId } from "../../lib/evidence/checks.ts";
import { judged } from "../../lib/evidence/evidence.ts";
import type { Experiment } from "../../lib/harness/experiment.ts";
import { endOfPacket } from "../../lib/packets/frames.ts";
import type { Confinement } from "../../lib/confine/start.ts";
import type { Protection } from "../../lib/confine/protections.ts";

/** A defect in an experiment, and the checks that it refutes. */
export interface Refutation {
  /** The defect in words. */
  readonly what: string;
  /** The checks that must fail; others may fail too. None if the run fails by its end alone. */
  readonly refutes: readonly CheckId[];
  /** True if no other check may fail. */
  readonly alone?: boolean;
  /** True if the defect ends the run, so that the refuted checks may never have run. */
  readonly endsEarly?: boolean;
  /** The experiment with the defect in it. */
  readonly experiment: Experiment;
  /**
   * The command that runs the program: `setpriv`, for supplementary groups that could be forgotten.
   */
  readonly prefix?: readonly string[];
  /** Whether the parent is a service that is not root. */
  readonly service?: boolean;
  readonly harden?: boolean;
  /**
   * In seconds; 30 by default. A run that waits for something that never comes should have less.
   */
  readonly timeout?: number;
}

/** Refutations by name. */
export type Refutations = { readonly [name: string]: Refutation };

/** Changes the gid of this thread alone, by the system call itself. */
export const rawSetresgid = (gid: number): void => void rawSyscall("setresgid", gid, gid, gid);

/** Drops the groups and gids of all threads, but the uid of this thread alone. */
export function dropOnOneThread({ uid, gid }: { uid: number; gid: number }): void {
  setgroups([]);
  setresgid(gid, gid, gid);
  rawSyscall("setresuid", uid, uid, uid);
}

/** Attaches a filter that drops every frame of a socket. */
export function ignoreEverything(packetFd: number): void {
  attachFilter(packetFd, assemble([bpfReturn(0)]));
}

/** Has a child report that each of its checks holds. */
export function trustMe(run: ChildRun): void {
  const honest = run.check.bind(run);
  run.check = (id) => honest(id, judged(true, "trust me"));
}

/** Has a child return what an ordinary socket reads of each frame: nothing after the IP packet. */
export function withoutSecrets(run: ChildRun): void {
  const honest = run.packet.bind(run);
  run.packet = (packet) => {
    const frame = Uint8Array.fromBase64(packet.head);
    honest({ ...packet, head: frame.subarray(0, endOfPacket(frame, "ethernet")).toBase64() });
  };
}

/** Changes the protections that a child takes from its orders. */
export function onProtections(
  run: ChildRun,
  change: (ordered: readonly Protection[]) => readonly Protection[],
): void {
  const honest = run.receive.bind(run);
  run.receive = (type, descriptors) => {
    const delivery = honest(type, descriptors);
    const message: Partial<Confinement> = delivery.message;
    if (message.protections !== undefined && message.protections.length > 0) {
      Object.assign(message, { protections: change(message.protections) });
    }
    return delivery;
  };
}

/** Leaves out the protections that a worker puts on itself after its drop. */
export const withoutStage4 = (ordered: readonly Protection[]): readonly Protection[] =>
  ordered.filter((each) => each === "no-capabilities" || each === "closed-descriptors");

/**
 * Leaves out the filter of system calls. A filter that allows everything remains: by it
 * no-new-privs reaches every thread.
 */
export const withoutFilter = (ordered: readonly Protection[]): readonly Protection[] =>
  ordered.filter((each) => each !== "receive-only");

/**
 * The defects of a hardened worker that claims to be confined, for every experiment that has one.
 */
export const LYING_WORKERS = {
  "unprotected-worker": {
    what: "the hardened worker skips its own protections, and claims to be confined",
    refutes: ["HARD-01", "HARD-02", "HARD-04", "HARD-05"],
    alone: true,
    harden: true,
    words(run: ChildRun) {
      trustMe(run);
      onProtections(run, withoutStage4);
    },
  },
  "filter-that-allows": {
    what: "the hardened worker has a filter that allows everything, and claims to be confined",
    refutes: ["HARD-05"],
    alone: true,
    harden: true,
    words(run: ChildRun) {
      trustMe(run);
      onProtections(run, withoutFilter);
    },
  },
} as const;

type Detail = { [name: string]: unknown };

/** Changes the detail that a child reports at one stage. */
export function onStage(run: ChildRun, at: string, change: (detail: Detail) => Detail): void {
  const honest = run.reached.bind(run);
  run.reached = (stage, detail = {}) => honest(stage, stage === at ? change(detail) : detail);
}
