/**
 * Time, as the kernel stamps packets with it, and the alarm that ends a process that forgets the time.
 *
 * @module
 */

import { CLOCK_REALTIME } from "../abi/constants.ts";
import { AnswerError, check } from "../abi/errno.ts";
import { timespec } from "../abi/layouts.ts";
import { libc } from "../abi/libc.ts";
import type { StructView } from "../abi/struct.ts";

/** A `timespec` in nanoseconds. */
export function nanoseconds({ tv_sec, tv_nsec }: StructView<typeof timespec.fields>): bigint {
  return tv_sec * 1_000_000_000n + tv_nsec;
}

/** Long before 1970. */
const NO_TIME = -(2n ** 62n);

/** clock_gettime(2), `CLOCK_REALTIME`: nanoseconds since 1970, by the clock that `SO_TIMESTAMPNS` reads. Throws {@linkcode AnswerError}. */
export function realtime(): bigint {
  const now = timespec.alloc();
  now.tv_sec = NO_TIME;
  check(libc.clock_gettime(CLOCK_REALTIME, now.bytes), "clock_gettime");
  if (now.tv_sec === NO_TIME) throw new AnswerError("clock_gettime", "no time");
  return nanoseconds(now);
}

/**
 * alarm(2): after that many seconds the kernel ends this process by `SIGALRM`, whatever it is doing; JavaScript that hangs too.
 *
 * @param seconds Whole seconds; 0 calls the alarm off.
 */
export function alarm(seconds: number): void {
  libc.alarm(seconds);
}
