/**
 * Results of filters of system calls in words.
 *
 * @module
 */

import {
  SECCOMP_RET_ACTION_FULL,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_DATA,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
} from "../abi/constants.ts";
import { errnoName } from "../abi/errno.ts";

const NAMES = new Map<number, string>([
  [SECCOMP_RET_KILL_PROCESS, "KILL_PROCESS"],
  [SECCOMP_RET_KILL_THREAD, "KILL_THREAD"],
  [SECCOMP_RET_USER_NOTIF, "USER_NOTIF"],
  [SECCOMP_RET_LOG, "LOG"],
  [SECCOMP_RET_ALLOW, "ALLOW"],
]);
/** The largest errno, which stands for every larger one. Source: linux/err.h. */
export const MAX_ERRNO = 4095;

/**
 * The result of a filter in words, such as `ALLOW`, `ERRNO(EPERM)`, `TRAP(3)`. `ERRNO(0)` makes the
 * call return 0, without an effect. Source: linux/seccomp.h.
 *
 * @param value The result: 32 bits.
 */
export function filterResult(value: number): string {
  const action = (value & SECCOMP_RET_ACTION_FULL) >>> 0;
  const data = value & SECCOMP_RET_DATA;
  switch (action) {
    case SECCOMP_RET_ERRNO:
      return `ERRNO(${data === 0 ? 0 : errnoName(Math.min(data, MAX_ERRNO))})`;
    case SECCOMP_RET_TRAP:
      return `TRAP(${data})`;
    case SECCOMP_RET_TRACE:
      return `TRACE(${data})`;
    default:
      return NAMES.get(action) ?? `KILL_PROCESS (0x${action.toString(16)} is no action)`;
  }
}
