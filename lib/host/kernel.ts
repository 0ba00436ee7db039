/**
 * The release and the settings of this kernel, as far as outcomes depend on them.
 *
 * @module
 */

import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { IoUring } from "../../ffi/io_uring/io_uring.ts";
import { readTextFile } from "../../ffi/process/file.ts";

/** Returns a setting under `/proc/sys`, or `fallback` if it cannot be read. */
export function systemSetting(path: string, fallback: string): string {
  try {
    return readTextFile(`/proc/sys/${path}`).trim();
  } catch {
    return fallback;
  }
}

/** Whether the release of this kernel is the given one or later. */
export function isKernelSince(major: number, minor: number): boolean {
  const [ours, ourMinor] = systemSetting("kernel/osrelease", "0.0").split(".").map(Number);
  return ours > major || ours === major && ourMinor >= minor;
}

/**
 * Whether every process may create an io_uring. Before Linux 6.6 there was no setting, and every
 * process could.
 */
export function allowsUnprivilegedIoUring(): boolean {
  return systemSetting("kernel/io_uring_disabled", "0") === "0";
}

/** The locked memory of the ring that a worker receives with, and of its buffers, in KiB. */
const ONE_RING = 16;

/** The locked memory of all rings that the experiment io-uring creates, in KiB. */
const SEVERAL_RINGS = 128;

/**
 * Returns the reason why an unprivileged process cannot create an io_uring in its own memory here,
 * with the setting or the release that decides.
 *
 * @param memory The locked memory that it needs, in KiB.
 * @returns `undefined` if it can.
 */
export function whyNoOwnRing(memory = ONE_RING): string | undefined {
  if (!allowsUnprivilegedIoUring()) {
    const value = systemSetting("kernel/io_uring_disabled", "");
    return `io_uring is disabled (kernel.io_uring_disabled is ${value})`;
  }
  if (!isKernelSince(6, 5)) {
    const release = systemSetting("kernel/osrelease", "unknown");
    return `Linux 6.5 is needed for an io_uring in its own memory; this is ${release}`;
  }
  const lockable = lockableMemory();
  if (lockable < memory) {
    return `${memory} KiB must be locked in memory, but only ${lockable} may be ` +
      `(RLIMIT_MEMLOCK; ulimit -l ${memory})`;
  }
  try {
    new IoUring().close();
    return undefined;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return error.errno === Errno.EPERM
      ? `${error.message}: perhaps by a system call filter`
      : error.message;
  }
}

/** Like {@linkcode whyNoOwnRing}, for all rings of the experiment io-uring. */
export function whyNoOwnRings(): string | undefined {
  return whyNoOwnRing(SEVERAL_RINGS);
}

/** Returns the memory that an unprivileged process may lock, in KiB. Source: getrlimit(2). */
function lockableMemory(): number {
  const limit = readTextFile("/proc/self/limits").match(/^Max locked memory +(\d+) /m);
  return limit === null ? Infinity : Math.floor(Number(limit[1]) / 1024);
}

/**
 * Returns the reason why an unprivileged process does not see others in `/proc`. Source: proc(5),
 * `hidepid`.
 *
 * @param mounts The mounts, in the format of `/proc/self/mounts`.
 * @returns `undefined` if it sees them.
 */
export function whyProcHides(
  mounts: string = readTextFile("/proc/self/mounts"),
): string | undefined {
  const options = [...mounts.matchAll(/^\S+ \/proc proc (\S+)/gm)].at(-1)?.[1].split(",") ?? [];
  const option = options.find((each) => /^hidepid=(?!0$|off$)/.test(each));
  return option &&
    `/proc hides processes from each other (${option}; mount -o remount,hidepid=0 /proc)`;
}
