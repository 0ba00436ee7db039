/**
 * The credentials of a process, and dropping root for good.
 *
 * Credentials belong to threads. libc's setgroups(), setresgid() and setresuid() change every
 * thread of the process (nptl(7)); the system calls of the same names change one. Deno runs six
 * threads or more, so libc's functions are required.
 *
 * @module
 */

import { _LINUX_CAPABILITY_VERSION_3 } from "../abi/constants.ts";
import { AnswerError, check, Errno, errnoName, errnoOf } from "../abi/errno.ts";
import { __user_cap_data_struct, __user_cap_header_struct } from "../abi/layouts.ts";
import { libc } from "../abi/libc.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";

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
 * (capabilities(7)).
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

/**
 * Capability sets as bit masks: bit `CAP_NET_RAW` of `effective` is set if the thread has that
 * capability.
 */
export interface Capabilities {
  /** The capabilities in effect. */
  readonly effective: bigint;
  /** The capabilities that the thread may add to `effective`. */
  readonly permitted: bigint;
  /** The capabilities that may survive an execve(2). */
  readonly inheritable: bigint;
}

/**
 * The capability sets of the calling thread: capget(2).
 *
 * @throws {AnswerError} If the call reports success and writes no sets.
 */
export function capget(): Capabilities {
  const head = __user_cap_header_struct.alloc();
  head.version = _LINUX_CAPABILITY_VERSION_3;
  const sets = new Uint8Array(2 * __user_cap_data_struct.size);
  sets.fill(0xff);
  check(libc.capget(head.bytes, sets), "capget");
  if (sets.every((byte) => byte === 0xff)) {
    throw new AnswerError("capget", "all 64 capabilities");
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

/**
 * Sets the effective capabilities of the calling thread: capset(2). The permitted and inheritable
 * sets stay, so that the effective ones can be restored.
 */
function setEffective(effective: bigint): void {
  const { permitted, inheritable } = capget();
  const head = __user_cap_header_struct.alloc();
  head.version = _LINUX_CAPABILITY_VERSION_3;
  const sets = new Uint8Array(2 * __user_cap_data_struct.size);
  for (const half of [0, 1]) {
    const data = __user_cap_data_struct.over(sets, half * __user_cap_data_struct.size);
    const bits = (set: bigint) => Number(BigInt.asUintN(32, set >> BigInt(32 * half)));
    data.effective = bits(effective);
    data.permitted = bits(permitted);
    data.inheritable = bits(inheritable);
  }
  rawSyscall("capset", head.bytes, sets);
  if (capget().effective !== effective) throw new AnswerError("capset", "other capabilities");
}

/**
 * Acts without some capabilities, on the calling thread alone, and then restores them: the kernel
 * decides every call of `act` as if the thread did not have them.
 *
 * @example
 * ```ts
 * import { CAP_NET_RAW, capget, withoutCapabilities } from "../mod.ts";
 *
 * const { effective } = withoutCapabilities([CAP_NET_RAW], capget);
 * console.assert((effective >> BigInt(CAP_NET_RAW) & 1n) === 0n);
 * ```
 *
 * @param capabilities Their numbers, such as `CAP_DAC_OVERRIDE`.
 * @param act Must be synchronous.
 * @returns The result of `act`.
 * @throws {SystemError} `EPERM` of capset(2).
 * @throws {AnswerError} If capset(2) reports success without effect.
 */
export function withoutCapabilities<T>(capabilities: readonly number[], act: () => T): T {
  const { effective } = capget();
  setEffective(capabilities.reduce((set, bit) => set & ~(1n << BigInt(bit)), effective));
  try {
    return act();
  } finally {
    setEffective(effective);
  }
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
}

/**
 * Drops all privileges for good, and verifies it.
 *
 * Calls setgroups, setresgid and setresuid in that order, since each needs a privilege that the
 * next removes. Then it reads all credentials back, and tries to become root again, which must
 * fail.
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
 * @throws {SystemError} If a call is refused; it then had no effect.
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
