/**
 * The judges of privileges and confinement: pure functions from what was seen of a process to a
 * finding.
 *
 * The results of the calls that drop privileges do not count. The kernel's own account of each
 * thread does, which the child reads from inside and the parent from outside.
 *
 * @module
 */

import { Errno, errnoName } from "../../ffi/abi/errno.ts";
import type { Identity, PrivilegeError, RegainAttempt } from "../../ffi/process/credentials.ts";
import type { CheckId, CONFINEMENT_CHECKS } from "../evidence/checks.ts";
import { type Finding, judged, skipped } from "../evidence/evidence.ts";
import type { View } from "../inspect/look.ts";
import { CAPABILITY_SETS, groupAlike, type ThreadCredentials } from "../inspect/threads/threads.ts";
import type { AuditedDescriptor } from "./descriptors.ts";
import type { SecondLine } from "./second_line.ts";

/** How many threads a worker starts to show that later threads are confined too. */
export const LATER_THREADS = 4;

/**
 * DROP-05, as the child tries it: every way back to root is refused.
 *
 * @param doubt The error of the drop itself, if it doubted its own success.
 */
export function judgeRegaining(
  attempts: readonly RegainAttempt[],
  doubt?: PrivilegeError,
): Finding {
  const shown = attempts.map(({ call, errno }) =>
    `${call}: ${errno === 0 ? "succeeded" : errnoName(errno)}`
  );
  if (doubt !== undefined) shown.push(`the drop: ${doubt.message}`);
  return judged(
    doubt === undefined && attempts.length > 0 &&
      attempts.every(({ errno }) => errno === Errno.EPERM),
    shown.join(", "),
    { attempts: shown },
  );
}

/**
 * DENY-01, as the child tries it: the drop forbids a new packet socket.
 *
 * @param before The errno before the drop (the control). Unless it is 0, a refusal shows nothing.
 * @param after The errno after the drop.
 * @param control The process that made the control.
 */
export function judgeDenial(
  before: number,
  after: number,
  control: "child" | "parent" = "child",
): Finding {
  const inWords = (errno: number) => errno === 0 ? "created" : errnoName(errno);
  const by = control === "child" ? "before the drop" : "control by the parent";
  return judged(
    before === 0 && after === Errno.EPERM,
    `${by}: ${inWords(before)}; after the drop: ${inWords(after)}`,
    {
      call: "socket(AF_PACKET, SOCK_RAW|SOCK_CLOEXEC, 0)",
      before: inWords(before),
      after: inWords(after),
    },
  );
}

/** The parent's observations of a hardened worker. */
export interface SeenWorker {
  readonly view: View;
  /** A look before it was hardened: a thread that is not in it was started later. */
  readonly before?: View | undefined;
  readonly secondLine: SecondLine;
  readonly filters: SeenFilters;
  /** The largest bounding set that it may have, as a set of bits; empty by default. */
  readonly bounding?: bigint;
}

/**
 * HARD-01 to HARD-05, as the parent sees them. Without a look before, the number of later threads
 * in HARD-02 is left to the worker's own finding.
 */
export function judgeHardened(
  { view, before, secondLine, filters, bounding }: SeenWorker,
  identity: Identity,
): Record<typeof CONFINEMENT_CHECKS[number], Finding> {
  const threads = judgeConfinement(view.threads, identity, bounding);
  return {
    "HARD-01": threads,
    "HARD-02": before === undefined
      ? threads
      : judgeLaterThreads(before.threads, view.threads, identity, bounding),
    "HARD-03": judgeFootholds(view),
    "HARD-04": judgeSecondLine(secondLine),
    "HARD-05": judgeFilter(filters),
  };
}

const BOUNDING_IS_LEFT =
  "; a bounding set is left, of which execve grants nothing under NoNewPrivs";

/**
 * HARD-01: every thread is confined as all protections together confine it.
 *
 * @param bounding The largest bounding set of a thread. One is left where the parent cannot take it
 * away; under no_new_privs execve(2) grants nothing of it.
 */
export function judgeConfinement(
  threads: readonly ThreadCredentials[],
  { uid, gid }: Identity,
  bounding = 0n,
): Finding {
  const most = (set: string) => set === "CapBnd" ? bounding : 0n;
  const isConfined = (
    { uids, gids, groups, capabilities, noNewPrivs, seccomp }: ThreadCredentials,
  ) =>
    uids.length === 4 && uids.every((id) => id === uid) &&
    gids.length === 4 && gids.every((id) => id === gid) && groups.length === 0 &&
    CAPABILITY_SETS.every((set) => (BigInt(`0x${capabilities[set]}`) & ~most(set)) === 0n) &&
    noNewPrivs === 1 && seccomp === 2;
  const loose = threads.filter((thread) => !isConfined(thread));
  const isLeft = threads.some(({ capabilities }) => !/^0+$/.test(capabilities.CapBnd));
  return judged(
    threads.length > 0 && loose.length === 0,
    loose.length === 0
      ? `${threads.length} threads, all confined${isLeft ? BOUNDING_IS_LEFT : ""}`
      : `${loose.length} of ${threads.length} threads are not confined: ${
        JSON.stringify(loose[0])
      }`,
    { threads: groupAlike(threads, ({ tid: _, ...seen }) => seen) },
  );
}

/** DROP-01 to DROP-04: every thread has the ids of the identity, no group and no capability. */
export function judgeCredentials(
  threads: readonly ThreadCredentials[],
  { uid, gid }: Identity,
): Record<Extract<CheckId, "DROP-01" | "DROP-02" | "DROP-03" | "DROP-04">, Finding> {
  const all = (ids: readonly number[], id: number) =>
    ids.length === 4 && ids.every((each) => each === id);
  const judge = (
    kind: string,
    what: string,
    holds: (thread: ThreadCredentials) => boolean,
    show: (thread: ThreadCredentials) => unknown,
  ): Finding => {
    const offending = threads.filter((thread) => !holds(thread));
    const observed = threads.length === 0
      ? "no thread seen"
      : offending.length === 0
      ? `${what} on ${threads.length} threads`
      : `${kind} ${JSON.stringify(show(offending[0]))} on ${offending.length} of ` +
        `${threads.length} threads`;
    return judged(threads.length > 0 && offending.length === 0, observed, {
      threads: groupAlike(threads, show),
    });
  };
  const usable = ["CapInh", "CapPrm", "CapEff", "CapAmb"] as const;
  return {
    "DROP-01": judge(
      "groups",
      "no group",
      ({ groups }) => groups.length === 0,
      ({ groups }) => groups,
    ),
    "DROP-02": judge(
      "gids",
      `gid ${gid} four times`,
      ({ gids }) => all(gids, gid),
      ({ gids }) => gids,
    ),
    "DROP-03": judge(
      "uids",
      `uid ${uid} four times`,
      ({ uids }) => all(uids, uid),
      ({ uids }) => uids,
    ),
    "DROP-04": judge(
      "capabilities",
      "no capability",
      ({ capabilities }) => usable.every((set) => /^0+$/.test(capabilities[set])),
      ({ capabilities }) => capabilities,
    ),
  };
}

/**
 * DROP-01 to DROP-04 of a child that could not be stopped. A violation that was seen is one. That
 * none was seen shows nothing, because a thread may have started another meanwhile.
 */
export function judgeUnstopped(
  threads: readonly ThreadCredentials[],
  identity: Identity,
): ReturnType<typeof judgeCredentials> {
  const asSeen = ({ status, observed, evidence }: Finding) =>
    status === "fail"
      ? judged(false, observed, evidence)
      : skipped(`${observed}, in passing: the child could not be stopped`, evidence);
  const seen = judgeCredentials(threads, identity);
  return {
    "DROP-01": asSeen(seen["DROP-01"]),
    "DROP-02": asSeen(seen["DROP-02"]),
    "DROP-03": asSeen(seen["DROP-03"]),
    "DROP-04": asSeen(seen["DROP-04"]),
  };
}

/** HARD-02: there are threads that were started later, and they are confined like all others. */
export function judgeLaterThreads(
  before: readonly ThreadCredentials[],
  after: readonly ThreadCredentials[],
  identity: Identity,
  bounding = 0n,
): Finding {
  const known = new Set(before.map(({ tid }) => tid));
  const later = after.filter(({ tid }) => !known.has(tid)).length;
  const { status, observed, evidence } = judgeConfinement(after, identity, bounding);
  return judged(
    status === "pass" && later >= LATER_THREADS,
    `${later} threads started later; ${observed}`,
    evidence,
  );
}

/** HARD-03, as the parent sees it: the worker has no foothold. */
export function judgeFootholds(
  { descriptors, footholds }: Pick<View, "descriptors" | "footholds">,
): Finding {
  return judged(
    footholds.length === 0,
    footholds.length === 0
      ? `${descriptors.length} descriptors, all expected`
      : `unexpected: ${footholds.join(", ")}`,
    { descriptors, footholds },
  );
}

/** HARD-03, as the worker sees it: every open descriptor is explained. */
export function judgeDescriptors(audited: readonly AuditedDescriptor[]): Finding {
  const unexplained = audited.filter(({ why }) => why === undefined);
  return judged(
    unexplained.length === 0,
    unexplained.length === 0
      ? `${audited.length} descriptors, all expected`
      : `unexpected: ${unexplained.map(({ fd, refersTo }) => `${fd} (${refersTo})`).join(", ")}`,
    { descriptors: audited.map((each) => ({ ...each, why: each.why ?? null })) },
  );
}

/** HARD-04: every protection behind the filter of system calls is in place. */
export function judgeSecondLine(seen: SecondLine): Finding {
  const missing = Object.entries(seen).filter(([, inPlace]) => !inPlace).map(([name]) => name);
  return judged(
    missing.length === 0,
    missing.length === 0 ? Object.keys(seen).join(", ") : `missing: ${missing.join(", ")}`,
    { ...seen },
  );
}

/** A compiled filter: classic BPF instructions of 8 bytes each. */
export type Program = Uint8Array<ArrayBuffer>;

/** The filters of a worker. */
export interface SeenFilters {
  /**
   * The program of the policy; `undefined` unless the worker holds each socket under one number.
   */
  readonly expected: Program | undefined;
  /** The programs that the kernel holds, or why they cannot be read. */
  readonly found: readonly Program[] | string;
}

/**
 * HARD-05: the filter of the policy is among those of the worker. Further filters can only refuse
 * more.
 */
export function judgeFilter({ expected, found }: SeenFilters): Finding {
  if (expected === undefined) {
    return judged(false, "the worker does not hold the packet socket under exactly one number");
  }
  if (typeof found === "string") return skipped(`The filter cannot be read: ${found}`);
  const isThere = found.some((program) => program.toHex() === expected.toHex());
  const lengths = found.map(instructions).join(", ") || "none";
  return judged(
    isThere,
    isThere
      ? `receive-only, ${instructions(expected)} instructions, equal byte for byte`
      : `no filter equals that of the policy (${instructions(expected)} instructions); ` +
        `lengths found: ${lengths}`,
    { expected: expected.toBase64(), found: found.map((program) => program.toBase64()) },
  );
}

const instructions = (program: Program): number => program.length / 8;
