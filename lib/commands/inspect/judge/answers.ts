/**
 * INSP-05 and INSP-06: no thread can create a packet socket, or become root again. Both follow from
 * the credentials. With `--ask`, the kernel's own answer in each thread must agree.
 *
 * @module
 */

import { CAP_NET_RAW, CAP_SETGID, CAP_SETUID } from "../../../../ffi/abi/constants.ts";
import { Errno } from "../../../../ffi/abi/errno.ts";
import { type Finding, judged, skipped } from "../../../evidence/evidence.ts";
import { describeAnswer, FORBIDDEN, type Forbidden } from "../../../inspect/asking/questions.ts";
import { whoMayHaveRing } from "../../../inspect/sockets/ring_without_trace.ts";
import type { AskedThread, Subject } from "../../../inspect/subject.ts";
import {
  groupAlike,
  holds,
  isInSet,
  type ThreadCredentials,
} from "../../../inspect/threads/threads.ts";
import type { Terms } from "../options.ts";
import { joined, whichThreads } from "./threads.ts";

/** What speaks against a claim, and the thread of which it is true if it is about one. */
interface Doubt {
  readonly what: string;
  readonly tid?: number;
}

/** What refutes a claim, and what leaves it open. */
interface Doubts {
  readonly refuted: Doubt[];
  readonly open: Doubt[];
}

/** INSP-05: no thread can create a packet socket. */
export function judgePacketSocket({ daemon, asked }: Subject): Finding {
  const doubts: Doubts = { refuted: [], open: [] };
  const threads = everyThread(daemon.threads, asked?.threads);
  for (const thread of threads) {
    const { tid } = thread;
    const netRaw = daemon.netRaw.get(tid);
    if (netRaw === true) {
      doubts.refuted.push({ tid, what: "CAP_NET_RAW over its network namespace" });
    } else if (mayGainNetRaw(thread)) {
      doubts.open.push({
        tid,
        what: "no CAP_NET_RAW, but root gets it by execve(2) unless filters or securebits, which " +
          "do not show, prevent it,",
      });
    }
    const answered = addAnswers(doubts, tid, ["socket"], asked?.threads);
    if (netRaw === undefined && !answered) {
      doubts.open.push({ tid, what: "CAP_NET_RAW cannot be told" });
    }
  }
  for (const { fd, link, netRaw } of daemon.heldNetworks) {
    const there = `in ${link}, which it may enter by descriptor ${fd}`;
    if (netRaw === true) doubts.refuted.push({ what: `it has CAP_NET_RAW ${there}` });
    if (netRaw === undefined) doubts.open.push({ what: `CAP_NET_RAW ${there}, cannot be told` });
  }
  doubts.open.push(...ringsWithoutTrace(asked?.threads).map((what) => ({ what })));
  return conclude(doubts, threads, asked?.threads, ["socket"], {
    net_raw: groupAlike(threads, ({ tid }) => daemon.netRaw.get(tid) ?? null),
  });
}

/**
 * Whether a thread gets CAP_NET_RAW when it executes a program, as root or after it became root.
 * Source: capabilities(7), "Capabilities and execution of programs by root".
 */
function mayGainNetRaw(thread: ThreadCredentials): boolean {
  const isRoot = thread.uids.includes(0) || holds(thread, CAP_SETUID);
  return isRoot && thread.noNewPrivs === 0 && isInSet(thread, "CapBnd", CAP_NET_RAW);
}

/**
 * INSP-06: no thread can take root's ids again, and nothing acts with root's credentials for it.
 *
 * @param accomplices Processes of root's through which it can act, in words.
 */
export function judgeRegain(
  { daemon, asked }: Subject,
  { groups }: Pick<Terms, "groups">,
  accomplices: { readonly found: readonly string[]; readonly unseen: readonly string[] },
): Finding {
  const threads = everyThread(daemon.threads, asked?.threads);
  const doubts: Doubts = {
    refuted: accomplices.found.map((what) => ({ what })),
    open: accomplices.unseen.map((what) => ({ what })),
  };
  const calls: Forbidden[] = ["setgroups", "setresgid", "setresuid"];
  // All threads of a process are in one user namespace: setns(2).
  const isHere = daemon.shown.namespaces.every(({ kind, same }) => kind !== "user" || same);
  for (const thread of threads) {
    const ways = waysBack(thread, groups.has(0), isHere);
    if (ways.length > 0) doubts.refuted.push({ tid: thread.tid, what: ways.join(", ") });
    if (!isHere && [CAP_SETUID, CAP_SETGID].some((bit) => holds(thread, bit))) {
      doubts.open.push({
        tid: thread.tid,
        what: "CAP_SETUID or CAP_SETGID over another user namespace",
      });
    }
    addAnswers(doubts, thread.tid, calls, asked?.threads);
  }
  const doubtful = [...ringsWithoutTrace(asked?.threads), ...daemon.writtenMemories];
  doubts.open.push(...doubtful.map((what) => ({ what })));
  const tids = new Set(threads.map(({ tid }) => tid));
  for (const { fd, personalities, pollingThread } of daemon.rings) {
    const ring = `the io_uring at descriptor ${fd}`;
    if (personalities === undefined) {
      doubts.open.push({ what: `this kernel does not list the personalities of ${ring}` });
    } else if (personalities.includes(0)) {
      doubts.refuted.push({ what: `${ring} has a personality of uid 0` });
    } else if (personalities.length > 0) {
      const count = personalities.length;
      doubts.open.push({ what: `${ring} has ${count} personalities, which may have capabilities` });
    }
    if (pollingThread !== undefined && !tids.has(pollingThread)) {
      doubts.open.push({ what: `${ring} is polled by thread ${pollingThread} of another process` });
    }
  }
  return conclude(doubts, threads, asked?.threads, calls, {
    threads: groupAlike(threads, ({ uids, gids, capabilities }) => ({ uids, gids, capabilities })),
    rings: daemon.rings,
    accomplices: accomplices.found,
  });
}

/**
 * Why an io_uring that shows nowhere may act with credentials that were registered with it
 * before the drop, in words. It can create a packet socket with them (IORING_OP_SOCKET).
 */
function ringsWithoutTrace(asked: readonly AskedThread[] = []): string[] {
  const who = whoMayHaveRing(asked);
  return who === undefined
    ? []
    : [`an io_uring that shows nowhere may keep root's credentials: ${who}`];
}

/**
 * The ways in which the credentials of a thread let it take root's ids, in words.
 *
 * @param isHere Whether it is in the user namespace of this process. In another one, capabilities
 * give it only the ids that are mapped there.
 */
function waysBack(thread: ThreadCredentials, mayBeRootsGroup: boolean, isHere: boolean) {
  const { uids, gids } = thread;
  const has = (bit: number) => isHere && holds(thread, bit);
  return [
    ...uids.slice(0, 3).includes(0) ? ["uid 0"] : [],
    ...has(CAP_SETUID) ? ["CAP_SETUID"] : [],
    ...gids.slice(0, 3).includes(0) && !mayBeRootsGroup ? ["gid 0"] : [],
    ...has(CAP_SETGID) ? ["CAP_SETGID"] : [],
  ];
}

/**
 * Adds what the answers of a thread refute or leave open.
 *
 * A refusal beneath the filters must be `EPERM`: any other errno has another reason. A refusal by a
 * filter may have any errno.
 *
 * @returns Whether the kernel has refused every call, beneath the filters if there are any.
 */
function addAnswers(
  { refuted, open }: Doubts,
  tid: number,
  calls: readonly Forbidden[],
  asked: readonly AskedThread[] | undefined,
): boolean {
  const thread = asked?.find((each) => each.tid === tid);
  if (thread === undefined) return false;
  const isFiltered = thread.filters.length > 0 || thread.credentials.seccomp !== 0;
  const kernels = isFiltered ? thread.beneath : thread.asItIs;
  for (const call of calls) {
    for (const [words, errno] of [["", thread.asItIs[call]], [BENEATH, thread.beneath[call]]]) {
      if (errno === 0) refuted.push({ tid, what: `${FORBIDDEN[call]} succeeded${words}` });
    }
    const errno = kernels[call];
    if (errno !== undefined && errno !== 0 && errno !== Errno.EPERM) {
      open.push({ tid, what: `${FORBIDDEN[call]}: ${describeAnswer(errno)}, not EPERM` });
    }
  }
  return calls.every((call) => kernels[call] === Errno.EPERM);
}

const BENEATH = " beneath the filters";

function conclude(
  { refuted, open }: Doubts,
  threads: readonly ThreadCredentials[],
  asked: readonly AskedThread[] | undefined,
  calls: readonly Forbidden[],
  more: Readonly<Record<string, unknown>>,
): Finding {
  const evidence = { ...more, ...asked === undefined ? {} : { answers: shown(asked, calls) } };
  if (refuted.length > 0) return judged(false, describeDoubts(refuted, threads), evidence);
  if (threads.length === 0) return skipped("no thread was seen", evidence);
  if (open.length > 0) return skipped(describeDoubts(open, threads), evidence);
  const answered =
    asked?.filter(({ asItIs, beneath }) =>
      calls.some((call) => (beneath[call] ?? asItIs[call]) !== undefined)
    ) ?? [];
  return judged(
    true,
    `impossible with the credentials of ${whichThreads(threads, threads)}` +
      (answered.length > 0 ? `; asked on ${whichThreads(answered, threads)}: refused` : ""),
    evidence,
  );
}

/** Returns what is in doubt, each once, with the threads of which it is true. */
function describeDoubts(doubts: readonly Doubt[], threads: readonly ThreadCredentials[]): string {
  return joined([...Map.groupBy(doubts, ({ what }) => what)].map(([what, same]) => {
    const some = same.flatMap(({ tid }) => tid === undefined ? [] : [{ tid }]);
    return some.length === 0 ? what : `${what} on ${whichThreads(some, threads)}`;
  }));
}

function shown(asked: readonly AskedThread[], calls: readonly Forbidden[]) {
  const named = (answers: AskedThread["asItIs"]) =>
    Object.fromEntries(calls.flatMap((call) => {
      const errno = answers[call];
      return errno === undefined ? [] : [[FORBIDDEN[call], describeAnswer(errno)]];
    }));
  return groupAlike(asked, ({ asItIs, beneath, notAsked }) => ({
    as_it_is: named(asItIs),
    beneath: named(beneath),
    not_asked: notAsked,
  }));
}

/** Every reading of every thread: the one while it ran, and the one while it stood still. */
export function everyThread(
  seen: readonly ThreadCredentials[],
  asked: readonly AskedThread[] | undefined,
): ThreadCredentials[] {
  return [...seen, ...asked?.map(({ credentials }) => credentials) ?? []];
}
