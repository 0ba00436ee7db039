/**
 * What this kernel allows to whom: its settings, as far as an outcome depends on them.
 *
 * @module
 */

import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { IoUring } from "../../ffi/io_uring/io_uring.ts";
import { readTextFile } from "../../ffi/process/file.ts";

/** A setting of this kernel's under /proc/sys; `otherwise` where there is none. */
export function systemSetting(path: string, otherwise: string): string {
  try {
    return readTextFile(`/proc/sys/${path}`).trim();
  } catch {
    return otherwise;
  }
}

/** Whether this kernel is of that release, or a later one. */
export function isKernelSince(major: number, minor: number): boolean {
  const [ours, ourMinor] = systemSetting("kernel/osrelease", "0.0").split(".").map(Number);
  return ours > major || ours === major && ourMinor >= minor;
}

/** io_uring for everybody. Linux 6.6 has the setting; before, there is no other way. */
export function isUnprivilegedIoUring(): boolean {
  return systemSetting("kernel/io_uring_disabled", "0") === "0";
}

/** What the ring that a worker receives by keeps in memory, with its buffers, and what all of those do that the experiment makes; in KiB. */
const ONE_RING = 16;
const SEVERAL_RINGS = 128;

/**
 * Why a process without privilege can have no io_uring here whose memory is its own, in words, with the setting or the release that decides.
 *
 * @returns `undefined` if it can.
 */
export function whyNoOwnRing(memory = ONE_RING): string | undefined {
  if (!isUnprivilegedIoUring()) {
    const value = systemSetting("kernel/io_uring_disabled", "");
    return `io_uring is disabled (kernel.io_uring_disabled is ${value})`;
  }
  if (!isKernelSince(6, 5)) {
    const release = systemSetting("kernel/osrelease", "unknown");
    return `Linux 6.5 is needed for an io_uring in memory of its own; this is ${release}`;
  }
  const lockable = lockableMemory();
  if (lockable < memory) {
    return `${memory} KiB must be kept in memory, and ${lockable} may be (RLIMIT_MEMLOCK; ulimit -l ${memory})`;
  }
  try {
    new IoUring().close();
    return undefined;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return error.errno === Errno.EPERM
      ? `${error.message}: a filter of system calls?`
      : error.message;
  }
}

/** {@linkcode whyNoOwnRing}, for many of them. */
export function whyNoOwnRings(): string | undefined {
  return whyNoOwnRing(SEVERAL_RINGS);
}

/** How much memory a process without privilege may keep from being paged out, in KiB. Source: getrlimit(2), `RLIMIT_MEMLOCK`. */
function lockableMemory(): number {
  const limit = readTextFile("/proc/self/limits").match(/^Max locked memory +(\d+) /m);
  return limit === null ? Infinity : Math.floor(Number(limit[1]) / 1024);
}

/**
 * Why a process without privilege does not see others in `/proc`, in words. Source: proc(5), `hidepid`.
 *
 * @param mounts What is mounted, as `/proc/self/mounts` has it.
 * @returns `undefined` if it does.
 */
export function whyProcHides(
  mounts: string = readTextFile("/proc/self/mounts"),
): string | undefined {
  const options = [...mounts.matchAll(/^\S+ \/proc proc (\S+)/gm)].at(-1)?.[1].split(",") ?? [];
  const option = options.find((each) => /^hidepid=(?!0$|off$)/.test(each));
  return option &&
    `/proc hides processes from each other (${option}; mount -o remount,hidepid=0 /proc)`;
}
