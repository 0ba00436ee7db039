/**
 * The clock of packet time stamps, and an alarm that ends this process.
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

/** Prefilled: a time long before 1970. */
const NO_TIME = -(2n ** 62n);

/**
 * Nanoseconds since 1970 by the clock of `SO_TIMESTAMPNS`: clock_gettime(2), `CLOCK_REALTIME`.
 *
 * @throws {AnswerError} If the call reports success and writes no time.
 */
export function realtime(): bigint {
  const now = timespec.alloc();
  now.tv_sec = NO_TIME;
  check(libc.clock_gettime(CLOCK_REALTIME, now.bytes), "clock_gettime");
  if (now.tv_sec === NO_TIME) throw new AnswerError("clock_gettime", "no time");
  return nanoseconds(now);
}

/**
 * Ends this process by `SIGALRM` after a time, even if JavaScript hangs: alarm(2).
 *
 * @param seconds Whole seconds; 0 cancels the alarm.
 */
export function alarm(seconds: number): void {
  libc.alarm(seconds);
}
