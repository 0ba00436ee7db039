/**
 * What a fault is, and overrides that the faults of several experiments are made of.
 *
 * @module
 */

import { assemble, attachFilter, bpfReturn, libc, setgroups, setresgid } from "../../ffi/mod.ts";
import type { ChildRun } from "../../lib/harness/child_run.ts";
import type { CheckId } from "../../lib/evidence/checks.ts";
import { judged } from "../../lib/evidence/evidence.ts";
import type { Experiment } from "../../lib/harness/experiment.ts";
import { endOfPacket } from "../../lib/packets/frames.ts";
import type { Confinement } from "../../lib/confine/start.ts";
import type { Protection } from "../../lib/confine/protections.ts";
import type { FrameSource } from "../../lib/receive/mod.ts";

export { sleep } from "../../ffi/mod.ts";

/** One way in which an experiment can really go wrong. */
export interface Fault {
  /** What is done wrong. */
  readonly what: string;
  /** The checks that it must turn to `fail`; others may go with them. */
  readonly refutes: readonly CheckId[];
  /** No other check may go with them. */
  readonly alone?: boolean;
  /** It ends the run: what it refutes may never have run. */
  readonly endsEarly?: boolean;
  /** The experiment, with the fault in it. */
  readonly experiment: Experiment;
  /** What runs the program: `setpriv` for supplementary groups that could be forgotten. */
  readonly prefix?: readonly string[];
  readonly harden?: boolean;
  /** In seconds; 30 if nothing is given. What waits for what never comes should have less. */
  readonly timeout?: number;
}

/** Faults by name. */
export type Faults = { readonly [name: string]: Fault };

// x86_64 and aarch64 number the system calls differently.
const SYS_setresuid = Deno.build.arch === "aarch64" ? 147n : 117n;
const SYS_setresgid = Deno.build.arch === "aarch64" ? 149n : 119n;

function rawDrop(number: bigint, id: number): void {
  libc.syscall(number, BigInt(id), BigInt(id), BigInt(id), 0n, 0n, 0n);
}

/** Drops the gid by the system call, on one thread only. */
export const rawSetresgid = (gid: number): void => rawDrop(SYS_setresgid, gid);

/** Drops everything, but the uid on one thread only. */
export function dropOnOneThread({ uid, gid }: { uid: number; gid: number }): void {
  setgroups([]);
  setresgid(gid, gid, gid);
  rawDrop(SYS_setresuid, uid);
}

/** Has a filter keep every frame from a socket. */
export function ignoreEverything(packetFd: number): void {
  attachFilter(packetFd, assemble([bpfReturn(0)]));
}

/** Has a child claim of each of its checks that it holds. */
export function trustMe(run: ChildRun): void {
  const honest = run.check.bind(run);
  run.check = (id) => honest(id, judged(true, "trust me"));
}

/** Has a child hand on of each frame what an ordinary socket reads: nothing behind the IP packet. */
export function withoutSecrets(run: ChildRun): void {
  const honest = run.packet.bind(run);
  run.packet = (packet) => {
    const frame = Uint8Array.fromBase64(packet.head);
    honest({ ...packet, head: frame.subarray(0, endOfPacket(frame)).toBase64() });
  };
}

/** Lets a child understand its orders in its own way: those protections that it is to put on itself. */
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

/** Without those that a worker puts on itself after its drop. */
export const withoutStage4 = (ordered: readonly Protection[]): readonly Protection[] =>
  ordered.filter((each) => each === "no-capabilities" || each === "closed-descriptors");

/** Without the filter of system calls; one that allows everything stays, by which no-new-privs gets to every thread. */
export const withoutFilter = (ordered: readonly Protection[]): readonly Protection[] =>
  ordered.filter((each) => each !== "receive-only");

/** The faults of a hardened worker that says that it is confined, for every experiment that has one. */
export const LYING_WORKERS = {
  "unprotected-worker": {
    what: "the hardened worker skips what it should put on itself, and says that it is confined",
    refutes: ["HARD-01", "HARD-02", "HARD-04", "HARD-05"],
    alone: true,
    harden: true,
    words(run: ChildRun) {
      trustMe(run);
      onProtections(run, withoutStage4);
    },
  },
  "filter-that-allows": {
    what: "the hardened worker has a filter that allows everything, and says that it is confined",
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

/** Lets a child say something else of a stage. */
export function onStage(run: ChildRun, at: string, change: (detail: Detail) => Detail): void {
  const honest = run.reached.bind(run);
  run.reached = (stage, detail = {}) => honest(stage, stage === at ? change(detail) : detail);
}

/** A source that is another one, except in what a subclass changes. */
export class AlteredSource implements FrameSource {
  constructor(protected readonly source: FrameSource) {}

  get fd(): number {
    return this.source.fd;
  }

  next(): boolean {
    return this.source.next();
  }

  wait(milliseconds: number): void {
    this.source.wait(milliseconds);
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.source.bytes;
  }

  get offset(): number {
    return this.source.offset;
  }

  get captured(): number {
    return this.source.captured;
  }

  get length(): number {
    return this.source.length;
  }

  timestamp(): bigint | undefined {
    return this.source.timestamp();
  }

  [Symbol.dispose](): void {
    this.source[Symbol.dispose]();
  }
}
