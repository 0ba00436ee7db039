/**
 * The credentials of a process, and dropping root for good.
 *
 * Credentials belong to threads. libc's setgroups(), setresgid() and setresuid() change every
 * thread of the process (nptl(7)); the system calls of the same names change one. Deno runs six
 * threads or more, so libc's functions are required.
 *
 * @module
 */

import { AnswerError, check, Errno, errnoName, errnoOf } from "../abi/errno.ts";
import { libc } from "../abi/libc.ts";
import { clearCapabilities, threadsWithCapabilities } from "./capabilities.ts";

/** For `setresuid` and `setresgid`: leaves an id unchanged, (uid_t) -1. */
export const UNCHANGED = 0xffffffff;

/** The three uids, or the three gids, of this process. */
export interface Ids {
  /** The id of the user or group that started the process. */
  readonly real: number;
  /** The id that permission checks use. */
  readonly effective: number;
  /** An id to which the effective one may be set again. */
  readonly saved: number;
}

/**
 * Sets the supplementary groups on every thread: setgroups(2).
 *
 * @throws {SystemError} `EPERM` (no CAP_SETGID, or `/proc/self/setgroups` is deny), `EINVAL` (a gid
 * that is not mapped).
 */
export function setgroups(gids: readonly number[]): void {
  check(libc.setgroups(BigInt(gids.length), Uint32Array.from(gids)), "setgroups");
}

/**
 * Sets the real, effective and saved gid on every thread: setresgid(2).
 *
 * @throws {SystemError} `EPERM` (no CAP_SETGID), `EINVAL` (a gid that is not mapped in this user
 * namespace).
 */
export function setresgid(real: number, effective: number, saved: number): void {
  check(libc.setresgid(real, effective, saved), "setresgid");
}

/**
 * Sets the real, effective and saved uid on every thread: setresuid(2). When the last of the three
 * ceases to be 0, the kernel empties the permitted, effective and ambient capability sets
 * (capabilities(7)). If none of them was 0, it empties no set.
 *
 * @throws {SystemError} `EPERM` (no CAP_SETUID), `EINVAL` (a uid that is not mapped in this user
 * namespace), `EAGAIN`.
 */
export function setresuid(real: number, effective: number, saved: number): void {
  check(libc.setresuid(real, effective, saved), "setresuid");
}

/** The supplementary groups: getgroups(2). */
export function getgroups(): number[] {
  const count = check(libc.getgroups(0, null), "getgroups");
  const gids = new Uint32Array(count);
  return [...gids.subarray(0, check(libc.getgroups(count, gids), "getgroups"))];
}

/** The real, effective and saved gid: getresgid(2). */
export function getresgid(): Ids {
  return readIds("getresgid", libc.getresgid);
}

/** The real, effective and saved uid: getresuid(2). */
export function getresuid(): Ids {
  return readIds("getresuid", libc.getresuid);
}

function readIds(call: string, read: typeof libc.getresuid): Ids {
  const [real, effective, saved] = [0, 0, 0].map(() => Uint32Array.of(UNCHANGED));
  check(read(real, effective, saved), call);
  const ids = { real: real[0], effective: effective[0], saved: saved[0] };
  if (Object.values(ids).includes(UNCHANGED)) throw new AnswerError(call, "an invalid id");
  return ids;
}

/** The user and group to become. */
export interface Identity {
  /** 1 to 4294967294. */
  readonly uid: number;
  /** 1 to 4294967294. */
  readonly gid: number;
}

/**
 * The drop did not take effect: the process may still have its privileges, or regain them. The
 * program must not continue.
 */
export class PrivilegeError extends Error {
  /** `PrivilegeError`. */
  override readonly name = "PrivilegeError";

  /**
   * Builds the error.
   *
   * @param message The reason.
   * @param threads The threads that still have capabilities, if that is the reason.
   */
  constructor(message: string, readonly threads: readonly number[] = []) {
    super(message);
  }
}

/**
 * Drops all privileges for good, and verifies it on every thread.
 *
 * Calls setgroups, setresgid and setresuid in that order, since each needs a privilege that the
 * next removes. Capabilities that a thread then still has are taken from it:
 * {@linkcode clearCapabilities}. That concerns a process that was not uid 0 and had ambient
 * capabilities, one with inheritable capabilities, and one whose securebits keep them. Then it
 * reads all credentials back, and tries to become root again, which must fail.
 *
 * Where /proc is missing the threads are found in another way, which takes some seconds:
 * {@linkcode ownThreads}. The kernel threads of an io_uring keep the credentials of whoever made
 * the ring, so close such a ring first.
 *
 * @example
 * ```ts
 * import { dropPrivileges, getresuid } from "../mod.ts";
 *
 * if (getresuid().effective === 0) {
 *   dropPrivileges({ uid: 65534, gid: 65534 });
 *   console.assert(getresuid().saved === 65534);
 * }
 * ```
 *
 * @throws {RangeError} If `uid` or `gid` is 0 (which drops nothing) or 4294967295 (which changes
 * nothing).
 * @throws {SystemError} If a call is refused. If it is a call of {@linkcode clearCapabilities}, the
 * ids have changed and capabilities are left; the program must not continue.
 * @throws {PrivilegeError} If the calls succeeded and privileges remain.
 */
export function dropPrivileges({ uid, gid }: Identity): void {
  for (const id of [uid, gid]) {
    if (!Number.isInteger(id) || id < 1 || id >= UNCHANGED) {
      throw new RangeError(`Cannot drop privileges to id ${id}: it must be 1 to 4294967294`);
    }
  }
  setgroups([]);
  setresgid(gid, gid, gid);
  setresuid(uid, uid, uid);
  if (threadsWithCapabilities().length > 0) clearCapabilities();

  const isAll = ({ real, effective, saved }: Ids, id: number) =>
    real === id && effective === id && saved === id;
  if (getgroups().length > 0) throw new PrivilegeError("Supplementary groups are still there");
  if (!isAll(getresgid(), gid)) throw new PrivilegeError(`Not every gid is ${gid}`);
  if (!isAll(getresuid(), uid)) throw new PrivilegeError(`Not every uid is ${uid}`);
  const left = threadsWithCapabilities();
  if (left.length > 0) {
    const message = `Capabilities are still there, on ${left.length} threads: ${left}`;
    throw new PrivilegeError(message, left);
  }

  for (const { call, errno } of tryToRegainRoot()) {
    if (errno === Errno.EPERM) continue;
    const outcome = errno === 0 ? "succeeded" : `was refused with ${errnoName(errno)}, not EPERM`;
    throw new PrivilegeError(`${call} ${outcome}`);
  }
}

/** The outcome of one attempt to become root again. */
export interface RegainAttempt {
  /** The call, such as `setresuid(0, 0, 0)`. */
  readonly call: string;
  /** Its error number, which should be `EPERM`; 0 if it succeeded. */
  readonly errno: number;
}

/**
 * Tries every way back to root that an incomplete drop leaves open. After a complete drop this is
 * harmless; otherwise the process *is* root afterwards and must end.
 *
 * setresuid(2) lets any process set each id to one of its current three, so a single remaining 0
 * suffices.
 *
 * @example
 * ```ts
 * import { Errno, getresuid, tryToRegainRoot } from "../mod.ts";
 *
 * if (getresuid().effective !== 0) {
 *   console.assert(tryToRegainRoot().every(({ errno }) => errno === Errno.EPERM));
 * }
 * ```
 */
export function tryToRegainRoot(): RegainAttempt[] {
  const attempts: [call: string, attempt: () => void][] = [
    ["setresuid(0, 0, 0)", () => setresuid(0, 0, 0)],
    ["setresgid(0, 0, 0)", () => setresgid(0, 0, 0)],
    ["setgroups([0])", () => setgroups([0])],
  ];
  return attempts.map(([call, attempt]) => ({ call, errno: errnoOf(attempt) }));
}
