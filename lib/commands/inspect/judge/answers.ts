/**
 * INSP-05 and INSP-06: no thread can create a packet socket, or become root again. Both follow from
 * the credentials. With `--ask`, the kernel's own answer in each thread must agree.
 *
 * @module
 */

import { Errno } from "../../../../ffi/abi/errno.ts";
import { type Finding, judged, skipped } from "../../../evidence/evidence.ts";
import { describeAnswer, FORBIDDEN, type Forbidden } from "../../../inspect/asking/questions.ts";
import type { AskedThread, Subject } from "../../../inspect/subject.ts";
import { groupAlike, type ThreadCredentials } from "../../../inspect/threads/threads.ts";
import type { Terms } from "../options.ts";
import { joined, whichThreads } from "./threads.ts";

/** Bits of a capability set. Source: capabilities(7). */
const CAP_SETGID = 6n, CAP_SETUID = 7n, CAP_NET_RAW = 13n;

/** The sentences that refute a claim, and those that leave it open. */
interface Doubts {
  readonly refuted: string[];
  readonly open: string[];
}

/** INSP-05: no thread can create a packet socket. */
export function judgePacketSocket({ daemon, asked }: Subject): Finding {
  const doubts: Doubts = { refuted: [], open: [] };
  const threads = everyThread(daemon.threads, asked?.threads);
  for (const thread of threads) {
    const { tid } = thread;
    const netRaw = daemon.netRaw.get(tid);
    if (netRaw === true) {
      doubts.refuted.push(`thread ${tid} has CAP_NET_RAW over its network namespace`);
    } else if (mayGainNetRaw(thread)) {
      doubts.open.push(
        `thread ${tid} has no CAP_NET_RAW, but as root it gets it by execve(2), unless its ` +
          "filters or securebits, which do not show, are in the way",
      );
    }
    const answered = addAnswers(doubts, tid, ["socket"], asked?.threads);
    if (netRaw === undefined && !answered) {
      doubts.open.push(`whether thread ${tid} has CAP_NET_RAW cannot be told`);
    }
  }
  return conclude(doubts, threads, asked?.threads, ["socket"], {
    net_raw: groupAlike(threads, ({ tid }) => daemon.netRaw.get(tid) ?? null),
  });
}

/**
 * Whether a thread gets CAP_NET_RAW when it executes a program, as root or after it became root.
 * Source: capabilities(7), "Capabilities and execution of programs by root".
 */
function mayGainNetRaw({ uids, capabilities, noNewPrivs }: ThreadCredentials): boolean {
  const isRoot = uids.includes(0) || isHeld(capabilities, CAP_SETUID);
  return isRoot && noNewPrivs === 0 && isIn(capabilities.CapBnd, CAP_NET_RAW);
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
  const doubts: Doubts = { refuted: [...accomplices.found], open: [...accomplices.unseen] };
  const calls: Forbidden[] = ["setgroups", "setresgid", "setresuid"];
  for (const thread of threads) {
    doubts.refuted.push(...waysBack(thread, groups.has(0)));
    addAnswers(doubts, thread.tid, calls, asked?.threads);
  }
  const tids = new Set(threads.map(({ tid }) => tid));
  for (const { fd, personalities, pollingThread } of daemon.rings) {
    if (personalities === undefined) {
      doubts.open.push(
        `this kernel does not list the personalities of the io_uring at descriptor ${fd}`,
      );
    } else if (personalities.includes(0)) {
      doubts.refuted.push(`the io_uring at descriptor ${fd} has a personality of uid 0`);
    } else if (personalities.length > 0) {
      doubts.open.push(
        `the io_uring at descriptor ${fd} has ${personalities.length} personalities, which may ` +
          "have capabilities",
      );
    }
    if (pollingThread !== undefined && !tids.has(pollingThread)) {
      doubts.open.push(
        `the io_uring at descriptor ${fd} is polled by thread ${pollingThread} of another process`,
      );
    }
  }
  return conclude(doubts, threads, asked?.threads, calls, {
    threads: groupAlike(threads, ({ uids, gids, capabilities }) => ({ uids, gids, capabilities })),
    rings: daemon.rings,
    accomplices: accomplices.found,
  });
}

/** The ways in which the credentials of a thread let it take root's ids, in words. */
function waysBack({ tid, uids, gids, capabilities }: ThreadCredentials, mayBeRootsGroup: boolean) {
  const has = (bit: bigint) => isHeld(capabilities, bit);
  const ways = [
    ...uids.slice(0, 3).includes(0) ? ["uid 0"] : [],
    ...has(CAP_SETUID) ? ["CAP_SETUID"] : [],
    ...gids.slice(0, 3).includes(0) && !mayBeRootsGroup ? ["gid 0"] : [],
    ...has(CAP_SETGID) ? ["CAP_SETGID"] : [],
  ];
  return ways.length === 0 ? [] : [`thread ${tid} has ${ways.join(", ")}`];
}

const isIn = (set: string, bit: bigint) => (BigInt(`0x${set}`) >> bit & 1n) === 1n;
const isHeld = ({ CapPrm, CapEff }: ThreadCredentials["capabilities"], bit: bigint) =>
  isIn(CapPrm, bit) || isIn(CapEff, bit);

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
      if (errno === 0) refuted.push(`${FORBIDDEN[call]} succeeded in thread ${tid}${words}`);
    }
    const errno = kernels[call];
    if (errno !== undefined && errno !== 0 && errno !== Errno.EPERM) {
      open.push(`${FORBIDDEN[call]} in thread ${tid}: ${describeAnswer(errno)}, not EPERM`);
    }
  }
  return calls.every((call) => kernels[call] === Errno.EPERM);
}

const BENEATH = ", beneath its filters";

function conclude(
  { refuted, open }: Doubts,
  threads: readonly ThreadCredentials[],
  asked: readonly AskedThread[] | undefined,
  calls: readonly Forbidden[],
  more: Readonly<Record<string, unknown>>,
): Finding {
  const evidence = { ...more, ...asked === undefined ? {} : { answers: shown(asked, calls) } };
  if (refuted.length > 0) return judged(false, joined(refuted), evidence);
  if (threads.length === 0) return skipped("no thread was seen", evidence);
  if (open.length > 0) return skipped(joined(open), evidence);
  const answered =
    asked?.filter(({ asItIs, beneath }) =>
      calls.some((call) => (beneath[call] ?? asItIs[call]) !== undefined)
    ) ?? [];
  return judged(
    true,
    `by the credentials of ${whichThreads(threads, threads)}` +
      (answered.length > 0 ? `; asked: refused on ${whichThreads(answered, threads)}` : ""),
    evidence,
  );
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
