/**
 * Who a process is, and how it stops being root.
 *
 * Credentials belong to threads. libc's setgroups(), setresgid() and setresuid() carry the change to every thread of the
 * process (nptl(7)); the system calls of the same names change one. Deno runs six threads and more, so only
 * libc's will do.
 *
 * @module
 */

import { _LINUX_CAPABILITY_VERSION_3 } from "../abi/constants.ts";
import { AnswerError, check, Errno, errnoName, errnoOf } from "../abi/errno.ts";
import { __user_cap_data_struct, __user_cap_header_struct } from "../abi/layouts.ts";
import { libc } from "../abi/libc.ts";

/** "Leave this one as it is", for `setresuid` and `setresgid`: (uid_t) -1. */
export const UNCHANGED = 0xffffffff;

/** The three ids of one kind of the calling process. */
export interface Ids {
  /** Who started the process. */
  readonly real: number;
  /** As whom it acts. */
  readonly effective: number;
  /** Whom it may become again. */
  readonly saved: number;
}

/**
 * setgroups(2): sets the supplementary groups, on every thread.
 *
 * @throws {SystemError} `EPERM` without CAP_SETGID or where `/proc/self/setgroups` says deny; `EINVAL` (a gid that is not mapped).
 */
export function setgroups(gids: readonly number[]): void {
  check(libc.setgroups(BigInt(gids.length), Uint32Array.from(gids)), "setgroups");
}

/**
 * setresgid(2): sets real, effective and saved gid, on every thread.
 *
 * @throws {SystemError} `EPERM` without CAP_SETGID; `EINVAL` if one is not mapped in this user namespace.
 */
export function setresgid(real: number, effective: number, saved: number): void {
  check(libc.setresgid(real, effective, saved), "setresgid");
}

/**
 * setresuid(2): sets real, effective and saved uid, on every thread. When none of them is 0 any more, the permitted,
 * effective and ambient capability sets are emptied (capabilities(7)).
 *
 * @throws {SystemError} `EPERM` without CAP_SETUID; `EINVAL` if one is not mapped in this user namespace; `EAGAIN`.
 */
export function setresuid(real: number, effective: number, saved: number): void {
  check(libc.setresuid(real, effective, saved), "setresuid");
}

/** getgroups(2): the supplementary groups. */
export function getgroups(): number[] {
  const count = check(libc.getgroups(0, null), "getgroups");
  const gids = new Uint32Array(count);
  return [...gids.subarray(0, check(libc.getgroups(count, gids), "getgroups"))];
}

/** getresgid(2): real, effective and saved gid. */
export function getresgid(): Ids {
  return readIds("getresgid", libc.getresgid);
}

/** getresuid(2): real, effective and saved uid. */
export function getresuid(): Ids {
  return readIds("getresuid", libc.getresuid);
}

function readIds(call: string, read: typeof libc.getresuid): Ids {
  const [real, effective, saved] = [0, 0, 0].map(() => Uint32Array.of(UNCHANGED));
  check(read(real, effective, saved), call);
  const ids = { real: real[0], effective: effective[0], saved: saved[0] };
  if (Object.values(ids).includes(UNCHANGED)) throw new AnswerError(call, "nobody has that id");
  return ids;
}

/** Capability sets, as bits: bit `CAP_NET_RAW` of `effective` says whether the thread has that capability now. */
export interface Capabilities {
  /** What it may do. */
  readonly effective: bigint;
  /** What it may take into `effective`. */
  readonly permitted: bigint;
  /** What may survive an execve(2). */
  readonly inheritable: bigint;
}

/** capget(2): the capability sets of the calling thread. */
export function capget(): Capabilities {
  const head = __user_cap_header_struct.alloc();
  head.version = _LINUX_CAPABILITY_VERSION_3;
  const sets = new Uint8Array(2 * __user_cap_data_struct.size);
  sets.fill(0xff);
  check(libc.capget(head.bytes, sets), "capget");
  if (sets.every((byte) => byte === 0xff)) {
    throw new AnswerError("capget", "every capability that there could be");
  }
  const low = __user_cap_data_struct.over(sets);
  const high = __user_cap_data_struct.over(sets, __user_cap_data_struct.size);
  const join = (set: "effective" | "permitted" | "inheritable") =>
    BigInt(high[set]) << 32n | BigInt(low[set]);
  return {
    effective: join("effective"),
    permitted: join("permitted"),
    inheritable: join("inheritable"),
  };
}

/** Whom to become. */
export interface Identity {
  /** 1 to 4294967294. */
  readonly uid: number;
  /** 1 to 4294967294. */
  readonly gid: number;
}

/** The drop did not take effect: the process may still be, or become, what it was. Nothing may go on after this. */
export class PrivilegeError extends Error {
  /** `PrivilegeError`. */
  override readonly name = "PrivilegeError";
}

/**
 * Becomes somebody without privilege, for good, and makes sure of it.
 *
 * setgroups, setresgid, setresuid, in that order, since each needs a privilege that the next takes away; then reads
 * everything back; then tries to become root again, and takes success for the failure that it is.
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
 * @throws {RangeError} If `uid` or `gid` is 0 (that drops nothing) or 4294967295 (that changes nothing).
 * @throws {SystemError} If a call is refused; what it was called for has then not happened.
 * @throws {PrivilegeError} If the calls succeeded and the privileges are still there.
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

  const isAll = ({ real, effective, saved }: Ids, id: number) =>
    real === id && effective === id && saved === id;
  const { effective, permitted } = capget();
  if (getgroups().length > 0) throw new PrivilegeError("Supplementary groups are still there");
  if (!isAll(getresgid(), gid)) throw new PrivilegeError(`Not every gid is ${gid}`);
  if (!isAll(getresuid(), uid)) throw new PrivilegeError(`Not every uid is ${uid}`);
  if ((effective | permitted) !== 0n) throw new PrivilegeError("Capabilities are still there");

  for (const { call, errno } of tryToRegainRoot()) {
    if (errno === Errno.EPERM) continue;
    const outcome = errno === 0 ? "succeeded" : `was refused with ${errnoName(errno)}, not EPERM`;
    throw new PrivilegeError(`${call} ${outcome}`);
  }
}

/** What came of one attempt to become root again. */
export interface RegainAttempt {
  /** The call, such as `setresuid(0, 0, 0)`. */
  readonly call: string;
  /** Its errno, `EPERM` as it should be; 0 if it succeeded. */
  readonly errno: number;
}

/**
 * Tries every way back to root that a sloppy drop leaves open. Harmless where the drop was real; where it was not,
 * the process *is* root afterwards: end it.
 *
 * setresuid(2) lets anybody set each id to any of the three that he has, so one forgotten 0 is enough.
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
