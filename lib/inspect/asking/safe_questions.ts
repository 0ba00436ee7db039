/**
 * The questions that may be put to a process that is not ours. A question must not change the
 * process, so a call is made only if the kernel will refuse it by the credentials that were just
 * read. Where it would not, the credentials are the answer.
 *
 * @module
 */

import { CAP_NET_RAW, CAP_SETGID, CAP_SETUID } from "../../../ffi/abi/constants.ts";
import type { Forbidden } from "./questions.ts";
import { holds, isInSet, type ThreadCredentials } from "../threads/threads.ts";

/** Uid 0 and gid 0 of a user namespace, as this process numbers them. */
export interface RootIds {
  /** Null if the namespace does not map it, undefined if that cannot be told. */
  readonly uid: number | null | undefined;
  readonly gid: number | null | undefined;
}

/** What decides whether a call would succeed. */
export interface Standing {
  readonly credentials: ThreadCredentials;
  /** Those of the thread's user namespace. */
  readonly root: RootIds;
  /**
   * Whether the thread has CAP_NET_RAW over its network namespace; undefined if that cannot be
   * told.
   */
  readonly netRaw: boolean | undefined;
}

/**
 * Returns why a call is not made in a thread: it could succeed, or that cannot be told.
 *
 * A capability in the permitted set counts, because the thread can make it effective. Source:
 * `__sys_setresuid`, `__sys_setresgid` in kernel/sys.c, `may_setgroups` in kernel/groups.c,
 * `packet_create` in net/packet/af_packet.c.
 *
 * @returns The reason, as `<call> was not made: …` continues; undefined if the kernel will refuse.
 */
export function reasonNotToAsk(call: Forbidden, standing: Standing): string | undefined {
  const { credentials, root, netRaw } = standing;
  const { uids, gids } = credentials;
  switch (call) {
    case "socket":
      if (netRaw === true) return "it has CAP_NET_RAW over its network namespace";
      if (netRaw === undefined) {
        return "it cannot be told whether it has CAP_NET_RAW over its network namespace";
      }
      return isInSet(credentials, "CapPrm", CAP_NET_RAW) &&
          !isInSet(credentials, "CapEff", CAP_NET_RAW)
        ? "it has CAP_NET_RAW in its permitted set"
        : undefined;
    case "setgroups":
      return holds(credentials, CAP_SETGID) ? "it has CAP_SETGID" : undefined;
    case "setresgid":
      return holds(credentials, CAP_SETGID)
        ? "it has CAP_SETGID"
        : reasonOfIds("gid", gids, root.gid);
    case "setresuid":
      return holds(credentials, CAP_SETUID)
        ? "it has CAP_SETUID"
        : reasonOfIds("uid", uids, root.uid);
  }
}

function reasonOfIds(
  name: "uid" | "gid",
  ids: readonly number[],
  root: number | null | undefined,
): string | undefined {
  if (root === undefined) return `it cannot be told which ${name} is 0 in its user namespace`;
  if (root === null || !ids.includes(root)) return undefined;
  return root === 0 ? `it has ${name} 0` : `it has ${name} ${root}, 0 in its user namespace`;
}

/** Whether two threads, or one thread at two times, have the same ids and capabilities. */
export function haveSameCredentials(one: ThreadCredentials, other: ThreadCredentials): boolean {
  return one.uids.every((uid, i) => uid === other.uids[i]) &&
    Object.entries(one.capabilities).every(([set, bits]) => bits === other.capabilities[set]);
}

/** The id that the kernel shows for one that the reader's user namespace does not map. */
const UNMAPPED = 0xffff_ffff;

/**
 * Returns uid 0 or gid 0 of a user namespace, as this process numbers it.
 *
 * @param map The text of /proc/PID/uid_map or gid_map, of another user namespace than this
 * process's. Source: user_namespaces(7).
 * @returns null if the namespace maps no 0; undefined if this process has no number for it.
 */
export function rootIn(map: string): number | null | undefined {
  for (const line of map.split("\n")) {
    const [inside, outside] = line.trim().split(/\s+/).map(Number);
    if (inside === 0 && Number.isInteger(outside)) {
      return outside === UNMAPPED ? undefined : outside;
    }
  }
  return null;
}
