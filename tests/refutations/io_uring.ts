/**
 * Real defects of `io-uring`, and the checks that must fail because of each.
 *
 * @module
 */

import {
  AF_INET,
  close,
  detachFilter,
  IORING_OP_RECV,
  IORING_OP_SEND,
  IORING_REGISTER_PERSONALITY,
  IORING_REGISTER_SYNC_CANCEL,
  IORING_RESTRICTION_REGISTER_OP,
  IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
  IORING_RESTRICTION_SQE_OP,
  IORING_SETUP_R_DISABLED,
  IOSQE_FIXED_FILE,
  IoUring,
  libc,
  O_CLOEXEC,
  O_PATH,
  open,
  PR_SET_NO_NEW_PRIVS,
  type Restriction,
  setgroups,
  setresgid,
  setresuid,
  sleep,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
  UNCHANGED,
} from "../../ffi/mod.ts";
import type { ChildRun } from "../../lib/harness/child_run.ts";
import type { CheckId } from "../../lib/evidence/checks.ts";
import { type EarlyRequest, EarlyRings, ROOTS_FILE } from "../../lib/confine/early_rings.ts";
import {
  child,
  childOverrides,
  ioUring,
  parent,
  parentOverrides,
} from "../../lib/experiments/io_uring/experiment.ts";
import { ParentRun } from "../../lib/harness/parent_run.ts";
import { IoUringMultishotSource } from "../../lib/receive/io_uring_multishot.ts";
import {
  FEW_BUFFERS,
  RING_SOURCES,
  type RingOperation,
} from "../../lib/experiments/io_uring/operations.ts";
import { AlteredSource } from "./altered_sources.ts";
import {
  dropOnOneThread,
  ignoreEverything,
  LYING_WORKERS,
  onStage,
  type Refutation,
  type Refutations,
  trustMe,
  withoutSecrets,
} from "./refutation.ts";

/** A defect: the overrides of each program, and what is changed in the child's messages. */
interface Defect extends Omit<Refutation, "experiment"> {
  readonly parent?: Partial<typeof parentOverrides>;
  readonly child?: Partial<typeof childOverrides>;
  readonly words?: (run: ChildRun) => void;
}

/** How long to wait for something that never comes, in milliseconds. */
const PATIENCE = 1500;

/** The same run with less time left. */
const hasty = ({ context, record }: ParentRun) =>
  new ParentRun(
    { ...context, deadline: Math.min(context.deadline, performance.now() + PATIENCE) },
    record,
  );

const impatient: Partial<typeof parentOverrides> = {
  reception: (run, ...rest) => parentOverrides.reception(hasty(run), ...rest),
};

/** A filter on the socket drops every frame while one operation receives, and none otherwise. */
function deafTo(operation: RingOperation): Partial<typeof childOverrides> {
  let isDeaf = false;
  return {
    openSource(each, packetFd) {
      if (each === operation) ignoreEverything(packetFd);
      else if (isDeaf) detachFilter(packetFd);
      isDeaf = each === operation;
      return RING_SOURCES[each](packetFd);
    },
  };
}

const opening = (
  operation: RingOperation,
  open: typeof RING_SOURCES[RingOperation],
): Partial<typeof childOverrides> => ({
  openSource: (each, packetFd) => (each === operation ? open : RING_SOURCES[each])(packetFd),
});

/** Calls next() for the first time when all frames are waiting. */
class LateMultishotSource extends IoUringMultishotSource {
  #isAwake = false;

  override next(): boolean {
    if (!this.#isAwake) sleep(100);
    this.#isAwake = true;
    return super.next();
  }
}

/** Loses the first frame after each end of a multishot request. */
class LosingMultishotSource extends IoUringMultishotSource {
  override next(): boolean {
    const before = this.ends;
    const isThere = super.next();
    return isThere && this.ends > before ? super.next() : isThere;
  }
}

class DeafSource extends AlteredSource {
  override next(): boolean {
    while (super.next());
    return false;
  }
}

const RECEIVE_ONLY: readonly Restriction[] = [
  [IORING_RESTRICTION_SQE_OP, IORING_OP_RECV],
  [IORING_RESTRICTION_SQE_FLAGS_REQUIRED, IOSQE_FIXED_FILE],
  [IORING_RESTRICTION_REGISTER_OP, IORING_REGISTER_SYNC_CANCEL],
];

/** Makes a ring with these restrictions; without any, an unrestricted ring. */
const restrictedTo =
  (...restrictions: Restriction[]): typeof childOverrides.makeRestrictedRing => (packetFd) => {
    const ring = new IoUring({ flags: IORING_SETUP_R_DISABLED });
    ring.registerFiles([packetFd]);
    if (restrictions.length > 0) ring.restrict(restrictions);
    ring.enable();
    return ring;
  };

/** Rings of which the plain one was used while its process was root. */
class RingsAskedBefore extends EarlyRings {
  readonly #opened = { open: super.plainly("open"), socket: super.plainly("socket") };

  override plainly(request: EarlyRequest): number | undefined {
    return this.#opened[request];
  }
}

/** Rings that are made when they are used, which is after the drop. */
const LATE_RINGS = {
  plainly: (request: EarlyRequest) => new EarlyRings().plainly(request),
  byPolling: (request: EarlyRequest) => new EarlyRings().byPolling(request),
  asPersonality: (request: EarlyRequest) => new EarlyRings().asPersonality(request),
} as unknown as EarlyRings;

/** Rings that open nothing, in a child that opens something itself. */
function openingOtherwise(openFile: () => number): Partial<typeof childOverrides> {
  const openOther = (request: EarlyRequest) =>
    request === "open" ? openFile() : socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  class Pretending extends EarlyRings {
    override byPolling = openOther;
    override asPersonality = openOther;
  }
  return { makeEarlyRings: () => new Pretending() };
}

type Outcome = { outcome: string; fd: number | null };
type Rings = { [ring: string]: { [request: string]: Outcome } };

/** Changes each outcome that a child reports of its rings at a stage. */
function onOutcomes(run: ChildRun, stage: string, change: (outcome: Outcome) => Outcome): void {
  onStage(run, stage, ({ rings, ...rest }) => ({
    ...rest,
    rings: Object.fromEntries(
      Object.entries(rings as Rings).map(([ring, requests]) => [
        ring,
        Object.fromEntries(
          Object.entries(requests).map(([request, outcome]) => [request, change(outcome)]),
        ),
      ]),
    ),
  }));
}

const DEAF: readonly (readonly [RingOperation, CheckId])[] = [
  ["RECV", "URING-02"],
  ["RECVMSG", "URING-03"],
  ["READ", "URING-04"],
  ["RECV, registered file", "URING-05"],
  ["multishot RECV", "URING-06"],
  ["multishot RECV, few buffers", "URING-07"],
  ["RECV, restricted ring", "URING-08"],
];

const ALL_RECEIVING = DEAF.map(([, check]) => check);

const noDrop: Partial<typeof childOverrides> = { dropPrivileges: () => {} };

const DEFECTS: { readonly [name: string]: Defect } = {
  "no-drop": {
    what: "nothing is dropped",
    refutes: ["URING-01", "URING-10"],
    child: noDrop,
  },
  "raw-setresuid": {
    what: "the uid is dropped by the system call, on one thread only",
    refutes: ["URING-01"],
    alone: true,
    child: { dropPrivileges: dropOnOneThread },
  },
  "seteuid-only": {
    what: "only the effective uid is dropped",
    refutes: ["URING-01"],
    alone: true,
    child: {
      dropPrivileges: ({ uid, gid }) => {
        setgroups([]);
        setresgid(gid, gid, gid);
        setresuid(UNCHANGED, uid, UNCHANGED);
      },
    },
  },
  "no-no-new-privs": {
    what: "no_new_privs is forgotten",
    refutes: ["URING-01"],
    alone: true,
    parent: { launcher: () => [] },
    child: { noNewPrivileges: () => {} },
  },
  "no-new-privs-on-one-thread": {
    what: "no_new_privs is set by prctl, on one thread only",
    refutes: ["URING-01"],
    alone: true,
    parent: { launcher: () => [] },
    child: {
      noNewPrivileges: () => void libc.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n),
    },
  },
  "lying-child": {
    what: "nothing is dropped, and the child claims that everything was dropped and refused",
    refutes: ["URING-01"],
    child: noDrop,
    words(run) {
      trustMe(run);
      onStage(run, "dropped", (detail) => {
        const refused = {
          open: { outcome: "EACCES", fd: null },
          socket: { outcome: "EPERM", fd: null },
        };
        return { ...detail, rings: { ...detail.rings as Rings, plain: refused } };
      });
    },
  },
  "claimed-ring": {
    what: "the child claims a ring, and names a descriptor that is not one",
    refutes: ["URING-01"],
    alone: true,
    words: (run) => onStage(run, "ready", () => ({ ring: 0 })),
  },
  ...Object.fromEntries(DEAF.map(([operation, check]) => [
    `deaf-${check}`,
    {
      what: `a filter on the socket drops every frame for ${operation}`,
      refutes: [check],
      alone: true,
      parent: impatient,
      child: deafTo(operation),
    },
  ])),
  "frames-without-secrets": {
    what: "the child returns only what an ordinary socket reads of each frame",
    refutes: ALL_RECEIVING,
    alone: true,
    parent: impatient,
    words: withoutSecrets,
  },
  "one-buffer": {
    what: "a multishot RECV has one buffer, and must be submitted again for each frame",
    refutes: ["URING-06"],
    alone: true,
    child: opening("multishot RECV", (fd) => new LateMultishotSource(fd, 1)),
  },
  "enough-buffers": {
    what: "the buffers of a multishot RECV do not run out",
    refutes: ["URING-07"],
    alone: true,
    child: opening("multishot RECV, few buffers", (fd) => new IoUringMultishotSource(fd)),
  },
  "lost-at-the-end": {
    what: "a frame is lost whenever a multishot RECV ends",
    refutes: ["URING-07"],
    alone: true,
    child: opening(
      "multishot RECV, few buffers",
      (fd) => new LosingMultishotSource(fd, FEW_BUFFERS),
    ),
  },
  "unrestricted": {
    what: "the ring is not restricted",
    refutes: ["URING-09"],
    alone: true,
    child: { makeRestrictedRing: restrictedTo() },
  },
  "may-send": {
    what: "the ring may send as well",
    refutes: ["URING-09"],
    alone: true,
    child: {
      makeRestrictedRing: restrictedTo(
        ...RECEIVE_ONLY,
        [IORING_RESTRICTION_SQE_OP, IORING_OP_SEND],
      ),
    },
  },
  "any-file": {
    what: "the ring may receive from any descriptor",
    refutes: ["URING-09"],
    alone: true,
    child: {
      makeRestrictedRing: restrictedTo(
        ...RECEIVE_ONLY.filter(([kind]) => kind !== IORING_RESTRICTION_SQE_FLAGS_REQUIRED),
      ),
    },
  },
  "may-register": {
    what: "the ring may register a personality",
    refutes: ["URING-09"],
    alone: true,
    child: {
      makeRestrictedRing: restrictedTo(
        ...RECEIVE_ONLY,
        [IORING_RESTRICTION_REGISTER_OP, IORING_REGISTER_PERSONALITY],
      ),
    },
  },
  "asked-before": {
    what: "the plain ring is used before the drop",
    refutes: ["URING-10"],
    child: { makeEarlyRings: () => new RingsAskedBefore() },
  },
  "late-rings": {
    what: "the early rings are made after the drop",
    refutes: ["URING-11", "URING-12"],
    child: { makeEarlyRings: () => LATE_RINGS, closeEarlyRings: () => {} },
  },
  "dev-null": {
    what: "the child opens /dev/null and claims that it is root's file",
    refutes: ["URING-11", "URING-12"],
    child: openingOtherwise(() => open("/dev/null", O_CLOEXEC)),
  },
  "path-only": {
    what:
      "root's file is opened as a path (O_PATH), and an ordinary socket takes the packet socket's place",
    refutes: ["URING-11", "URING-12"],
    child: openingOtherwise(() => open(ROOTS_FILE, O_CLOEXEC | O_PATH)),
  },
  "claimed-without-descriptor": {
    what: "the child claims that its rings have opened something, and names no descriptor",
    refutes: ["URING-11", "URING-12"],
    words: (run) => onOutcomes(run, "dropped", () => ({ outcome: "opened", fd: null })),
  },
  "rings-kept": {
    what: "the rings from before the drop are not closed",
    refutes: ["URING-01", "URING-13"],
    alone: true,
    child: { closeEarlyRings: () => {} },
  },
  "rings-kept-liar": {
    what: "the rings from before the drop are not closed, and the child claims that they are",
    refutes: ["URING-01"],
    alone: true,
    child: { closeEarlyRings: () => {} },
    words: (run) => {
      trustMe(run);
      onOutcomes(run, "closed", ({ fd }) => {
        if (fd !== null) close(fd);
        return { outcome: "EBADF", fd: null };
      });
    },
  },
  "opened-after-closing": {
    what: "root's file is still open when the rings are closed, and the child does not report it",
    refutes: ["URING-13"],
    alone: true,
    child: {
      closeEarlyRings: (rings) => {
        rings.asPersonality("open");
        childOverrides.closeEarlyRings(rings);
      },
    },
  },
  "deaf-worker": {
    what: "the hardened worker never returns a frame",
    refutes: ["URING-14"],
    alone: true,
    harden: true,
    parent: impatient,
    child: {
      openWorkerSource: (packetFd) => new DeafSource(childOverrides.openWorkerSource(packetFd)),
    },
  },
  ...LYING_WORKERS,
};

/** Every refutation of `io-uring`, by name. */
export const IO_URING_REFUTATIONS: Refutations = Object.fromEntries(
  Object.entries(DEFECTS).map((
    [name, { parent: parents, child: childs, words, ...refutation }],
  ) => [
    `${ioUring.name}/${name}`,
    {
      ...refutation,
      experiment: {
        ...ioUring,
        parent: (run: ParentRun) => parent(run, { ...parentOverrides, ...parents }),
        child: (run: ChildRun) => {
          words?.(run);
          return child(run, { ...childOverrides, ...childs });
        },
      },
    },
  ]),
);
