/**
 * INSP-01 to INSP-04: the findings about the credentials of every thread.
 *
 * @module
 */

import { capabilityNames } from "../../../evidence/capability_names.ts";
import { type Finding, judged, leftOut, skipped } from "../../../evidence/evidence.ts";
import type { OverflowIds } from "../../../host/users.ts";
import { groupAlike, type ThreadCredentials } from "../../../inspect/threads/threads.ts";
import type { Terms } from "../options.ts";
import { joined, named, whichThreads } from "./threads.ts";

type Threads = readonly ThreadCredentials[];

/** The four ids of a thread, in the order in which `/proc` lists them. */
const FOUR = ["real", "effective", "saved", "filesystem"] as const;

/** The capability sets that count. From the bounding set alone nothing can be raised. */
const USABLE = ["CapInh", "CapPrm", "CapEff", "CapAmb"] as const;

/** INSP-01: no_new_privs is set on every thread. It is left out unless it is expected. */
export function judgeNoNewPrivs(threads: Threads, { expect }: Pick<Terms, "expect">): Finding {
  if (threads.length === 0) return skipped(NO_THREAD);
  const without = threads.filter(({ noNewPrivs }) => noNewPrivs !== 1);
  const evidence = { threads: groupAlike(threads, ({ noNewPrivs }) => noNewPrivs) };
  if (without.length === 0) {
    return judged(true, `NoNewPrivs 1 on ${whichThreads(threads, threads)}`, evidence);
  }
  const observed =
    `NoNewPrivs is 0 on ${whichThreads(without, threads)}: a set-uid file is a way ` +
    "back to root";
  return expect === "confined"
    ? judged(false, observed, evidence)
    : { ...leftOut(observed), evidence };
}

/** INSP-02: no thread has uid 0. */
export function judgeUids(threads: Threads, overflow: Pick<OverflowIds, "uid">): Finding {
  const malformed = whyMalformed(threads, ({ uids }) => uids);
  if (malformed !== undefined) return skipped(malformed);
  const evidence = { threads: groupAlike(threads, ({ uids }) => uids) };
  const roots = threads.filter(({ uids }) => uids.includes(0));
  if (roots.length > 0) {
    const kinds = FOUR.filter((_, i) => roots.some(({ uids }) => uids[i] === 0));
    return judged(
      false,
      `uid 0 (${kinds.join(", ")}) on ${whichThreads(roots, threads)}`,
      evidence,
    );
  }
  const unmapped = threads.filter(({ uids }) => uids.some((uid) => uid === overflow.uid));
  if (unmapped.length > 0) return skipped(unmappedOn("uid", overflow.uid!, unmapped, threads));
  const uids = [...new Set(threads.flatMap(({ uids }) => uids))];
  return judged(true, `uid ${uids.join(", ")} on ${whichThreads(threads, threads)}`, evidence);
}

/** INSP-03: no thread has a capability that it could use. */
export function judgeCapabilities(threads: Threads): Finding {
  if (threads.length === 0) return skipped(NO_THREAD);
  const evidence = { threads: groupAlike(threads, ({ capabilities }) => capabilities) };
  const wrong = threads.map((thread) => ({
    tid: thread.tid,
    held: describeHeld(thread),
  })).filter(({ held }) => held !== "");
  const words = groupAlike(wrong, ({ held }) => held).map(({ tids, seen }) =>
    `${seen} on ${whichThreads(tids.map((tid) => ({ tid })), threads)}`
  );
  return judged(
    wrong.length === 0,
    wrong.length === 0 ? `no capability on ${whichThreads(threads, threads)}` : joined(words),
    evidence,
  );
}

/** Returns the sets that a thread could use, as the kernel prints them, with the names in them. */
function describeHeld({ capabilities }: ThreadCredentials): string {
  const held = USABLE.filter((set) => !/^0+$/.test(capabilities[set]));
  return [...Map.groupBy(held, (set) => capabilities[set])].map(([value, sets]) =>
    `${sets.join(" and ")} ${value} (${named(capabilityNames(value))})`
  ).join(", ");
}

/**
 * INSP-04: every gid and supplementary group is the gid of the process, or permitted.
 *
 * The gid of the process is the real gid of its first thread, or of another one if that has ended.
 * It does not count if it is 0.
 *
 * @param pid The id of its first thread.
 */
export function judgeGroups(
  pid: number,
  threads: Threads,
  { groups: permitted }: Pick<Terms, "groups">,
  overflow: Pick<OverflowIds, "gid">,
): Finding {
  const malformed = whyMalformed(threads, ({ gids }) => gids);
  if (malformed !== undefined) return skipped(malformed);
  const first = threads.find(({ tid }) => tid === pid) ?? threads[0];
  const evidence = {
    threads: groupAlike(threads, ({ gids, groups }) => ({ gids, groups })),
    permitted: [...permitted],
  };
  const own = first.gids[0];
  const isAllowed = (gid: number) => permitted.has(gid) || gid === own && gid !== 0;
  const beyond = threads.map(({ tid, gids, groups }) => ({
    tid,
    kinds: [
      ...describeGids(gids.map((gid) => isAllowed(gid) ? undefined : gid)),
      ...groups.flatMap((gid) => isAllowed(gid) ? [] : [`group ${gid}`]),
    ],
  })).filter(({ kinds }) => kinds.length > 0);
  if (beyond.length > 0) {
    const words = groupAlike(beyond, ({ kinds }) => kinds).map(({ tids, seen }) =>
      `${seen.join(", ")} on ${whichThreads(tids.map((tid) => ({ tid })), threads)}`
    );
    return judged(false, joined(words), evidence);
  }
  const unmapped = threads.filter(({ gids, groups }) =>
    [...gids, ...groups].some((gid) => gid === overflow.gid)
  );
  if (unmapped.length > 0) return skipped(unmappedOn("gid", overflow.gid!, unmapped, threads));
  const all = [...new Set(threads.flatMap(({ gids, groups }) => [...gids, ...groups]))];
  return judged(true, `gid ${all.join(", ")} on ${whichThreads(threads, threads)}`, evidence);
}

/** Returns which of the four gids are not allowed: `gid 0 (real, saved)`. */
function describeGids(wrong: readonly (number | undefined)[]): string[] {
  const kinds = FOUR.map((kind, i) => ({ kind, gid: wrong[i] }));
  return [...Map.groupBy(kinds, ({ gid }) => gid)].flatMap(([gid, same]) =>
    gid === undefined ? [] : [`gid ${gid} (${same.map(({ kind }) => kind).join(", ")})`]
  );
}

const NO_THREAD = "no thread was seen";

function whyMalformed(
  threads: Threads,
  ids: (thread: ThreadCredentials) => readonly number[],
): string | undefined {
  if (threads.length === 0) return NO_THREAD;
  const isWhole = (thread: ThreadCredentials) =>
    ids(thread).length === FOUR.length && ids(thread).every(Number.isInteger);
  return threads.every(isWhole) ? undefined : "the kernel does not list four ids for each thread";
}

function unmappedOn(
  kind: "uid" | "gid",
  id: number,
  unmapped: Threads,
  threads: Threads,
): string {
  return `${kind} ${id} on ${whichThreads(unmapped, threads)} may stand for any id that is not ` +
    "mapped in this user namespace, even that of root: inspect it from outside";
}
