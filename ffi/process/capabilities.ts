/**
 * The capability sets of threads: capabilities(7).
 *
 * Each thread has its own, and capset(2) sets those of the calling thread alone.
 *
 * @module
 */

import { _LINUX_CAPABILITY_VERSION_3, PR_GET_DUMPABLE, PR_SET_DUMPABLE } from "../abi/constants.ts";
import { AnswerError, check, Errno, SystemError } from "../abi/errno.ts";
import { __user_cap_data_struct, __user_cap_header_struct } from "../abi/layouts.ts";
import { libc } from "../abi/libc.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";
import { callOnEveryThread } from "./every_thread.ts";
import { ownThreads } from "./proc.ts";
import { prctl } from "./process.ts";

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
 * The capability sets of a thread: capget(2).
 *
 * @param tid The thread, of any process; 0 for the calling thread.
 * @throws {SystemError} `ESRCH` if there is no such thread.
 * @throws {AnswerError} If the call reports success and writes no sets.
 */
export function capget(tid = 0): Capabilities {
  const head = __user_cap_header_struct.alloc();
  head.version = _LINUX_CAPABILITY_VERSION_3;
  head.pid = tid;
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
  rawSyscall("capset", ...argumentsOf({ ...capget(), effective }));
  if (capget().effective !== effective) throw new AnswerError("capset", "other capabilities");
}

/** The arguments of capset(2) for the thread that makes the call. */
function argumentsOf(
  wanted: Capabilities,
): [head: Uint8Array<ArrayBuffer>, sets: Uint8Array<ArrayBuffer>] {
  const head = __user_cap_header_struct.alloc();
  head.version = _LINUX_CAPABILITY_VERSION_3;
  const sets = new Uint8Array(2 * __user_cap_data_struct.size);
  for (const half of [0, 1]) {
    const data = __user_cap_data_struct.over(sets, half * __user_cap_data_struct.size);
    const bits = (set: bigint) => Number(BigInt.asUintN(32, set >> BigInt(32 * half)));
    data.effective = bits(wanted.effective);
    data.permitted = bits(wanted.permitted);
    data.inheritable = bits(wanted.inheritable);
  }
  return [head.bytes, sets];
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

/**
 * Acts with another user's right to files, on the calling thread alone: setfsuid(2), which needs
 * CAP_SETUID. Root's files include those in `/proc/PID` of a process that has changed its ids.
 *
 * A change of the uid makes the process undumpable, and its return empties some effective
 * capabilities; both are restored.
 *
 * @example
 * ```ts
 * import { getresuid, withFileUid } from "../mod.ts";
 *
 * if (getresuid().effective === 0) {
 *   const refused = withFileUid(65534, () => {
 *     try {
 *       return Deno.readTextFileSync("/proc/1/environ") === "";
 *     } catch {
 *       return true;
 *     }
 *   });
 *   console.assert(refused);
 * }
 * ```
 *
 * @param act Must be synchronous.
 * @returns The result of `act`.
 * @throws {SystemError} `EPERM` without CAP_SETUID.
 */
export function withFileUid<T>(uid: number, act: () => T): T {
  const { effective } = capget();
  const dumpable = prctl(PR_GET_DUMPABLE, 0);
  const before = setFileUid(uid);
  try {
    return act();
  } finally {
    setFileUid(before);
    if (capget().effective !== effective) setEffective(effective);
    if (dumpable === 1) prctl(PR_SET_DUMPABLE, 1); // no process may set another value
  }
}

/** Sets the uid for files, and returns the one before. setfsuid(2) reports no error. */
function setFileUid(uid: number): number {
  const before = rawSyscall("setfsuid", uid);
  if (rawSyscall("setfsuid", INVALID) !== uid) throw new SystemError("setfsuid", Errno.EPERM);
  return before;
}

/** (uid_t) -1: setfsuid(2) changes nothing, and returns the uid. */
const INVALID = 0xffffffff;

/**
 * The threads of this process that have a capability in any set.
 *
 * The kernel keeps the ambient set within the permitted and the inheritable one, so it is empty if
 * these are. Source: capabilities(7).
 *
 * @example
 * ```ts
 * import { getresuid, threadsWithCapabilities } from "../mod.ts";
 *
 * if (getresuid().effective === 0) console.assert(threadsWithCapabilities().includes(Deno.pid));
 * ```
 *
 * @returns Their thread ids.
 * @throws {SystemError} If they cannot be listed: {@linkcode ownThreads}.
 */
export function threadsWithCapabilities(): number[] {
  return [...ownThreads().keys()].filter((tid) => {
    try {
      const { effective, permitted, inheritable } = capget(tid);
      return (effective | permitted | inheritable) !== 0n;
    } catch (error) {
      if (error instanceof SystemError && error.errno === Errno.ESRCH) return false; // it has ended
      throw error;
    }
  });
}

/**
 * Empties the effective, permitted, inheritable and ambient set of every thread of this process:
 * capset(2). No thread can get a capability back, except by execve(2), and not even so under
 * no_new_privs.
 *
 * setresuid(2) does this for the sets of a process that leaves uid 0, except for the inheritable
 * one. For a process with another uid, as that of a service with ambient capabilities, and under
 * `SECBIT_KEEP_CAPS` and `SECBIT_NO_SETUID_FIXUP`, it empties none.
 *
 * @throws As {@linkcode callOnEveryThread}.
 */
export function clearCapabilities(): void {
  const none = argumentsOf({ effective: 0n, permitted: 0n, inheritable: 0n });
  callOnEveryThread("capset", ...none);
}
