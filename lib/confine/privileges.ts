/**
 * Judging that privileges are gone: the credentials of every thread, and the calls that are refused.
 *
 * The results of the calls that drop do not count here. The kernel's own account of each thread does,
 * which the child reads from inside and the parent from outside.
 *
 * @module
 */

import { AF_PACKET, SOCK_CLOEXEC, SOCK_RAW } from "../../ffi/abi/constants.ts";
import { Errno, errnoName, errnoOf } from "../../ffi/abi/errno.ts";
import {
  type Identity,
  type PrivilegeError,
  tryToRegainRoot,
} from "../../ffi/process/credentials.ts";
import { close } from "../../ffi/process/descriptor.ts";
import { socket } from "../../ffi/socket/calls.ts";
import { type CheckId } from "../evidence/checks.ts";
import { type Finding, judged } from "../evidence/evidence.ts";
import { alike, CAPABILITY_SETS, type ThreadCredentials } from "../inspect/threads.ts";

/** Whether every thread is confined as the protections together confine it. */
export function judgeConfinement(
  threads: readonly ThreadCredentials[],
  { uid, gid }: Identity,
): Finding {
  const isConfined = (
    { uids, gids, groups, capabilities, noNewPrivs, seccomp }: ThreadCredentials,
  ) =>
    uids.length === 4 && uids.every((id) => id === uid) &&
    gids.length === 4 && gids.every((id) => id === gid) && groups.length === 0 &&
    CAPABILITY_SETS.every((set) => /^0+$/.test(capabilities[set])) &&
    noNewPrivs === 1 && seccomp === 2;
  const loose = threads.filter((thread) => !isConfined(thread));
  return judged(
    threads.length > 0 && loose.length === 0,
    loose.length === 0
      ? `${threads.length} threads, all confined`
      : `${loose.length} of ${threads.length} threads are not: ${JSON.stringify(loose[0])}`,
    { threads: alike(threads, ({ tid: _, ...seen }) => seen) },
  );
}

/** What the four checks of the credentials find in what /proc says of each thread. */
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
      threads: alike(threads, show),
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
 * Tries to become root again. If that succeeds, this process is root: it must end soon.
 *
 * @param doubt What the drop itself had to say against its success, if anything.
 */
export function judgeRegaining(doubt?: PrivilegeError): Finding {
  const attempts = tryToRegainRoot();
  const shown = attempts.map(({ call, errno }) =>
    `${call}: ${errno === 0 ? "succeeded" : errnoName(errno)}`
  );
  if (doubt !== undefined) shown.push(`the drop: ${doubt.message}`);
  return judged(
    doubt === undefined && attempts.every(({ errno }) => errno === Errno.EPERM),
    shown.join(", "),
    { attempts: shown },
  );
}

/**
 * Tries to create a packet socket, and closes it at once.
 *
 * @returns The errno, 0 for success.
 * @throws {SystemError} If it cannot be closed.
 */
export function tryPacketSocket(): number {
  let fd = -1;
  const errno = errnoOf(() => fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (errno === 0) close(fd);
  return errno;
}

/**
 * Whether the drop is what forbids a new packet socket.
 *
 * @param before The errno before the drop (the control): anything but 0, and a refusal afterwards shows nothing.
 * @param after The errno after it.
 * @param control Who made the control.
 */
export function judgeDenial(
  before: number,
  after: number,
  control: "child" | "parent" = "child",
): Finding {
  const say = (errno: number) => errno === 0 ? "created" : errnoName(errno);
  const by = control === "child" ? "before the drop" : "by the parent";
  return judged(
    before === 0 && after === Errno.EPERM,
    `${by}: ${say(before)}; after the drop: ${say(after)}`,
    { call: "socket(AF_PACKET, SOCK_RAW|SOCK_CLOEXEC, 0)", before: say(before), after: say(after) },
  );
}
