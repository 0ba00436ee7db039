/**
 * What this kernel allows to whom: its settings, as far as an outcome depends on them.
 *
 * @module
 */

import { Errno, IoUring, readTextFile, SystemError } from "../ffi/mod.ts";

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

/**
 * Why a process without privilege can have no io_uring here whose memory is its own, in words, with the setting or the release that decides.
 *
 * @returns `undefined` if it can.
 */
export function whyNoOwnRing(): string | undefined {
  if (!isUnprivilegedIoUring()) {
    const value = systemSetting("kernel/io_uring_disabled", "");
    return `io_uring is disabled (kernel.io_uring_disabled is ${value})`;
  }
  if (!isKernelSince(6, 5)) {
    const release = systemSetting("kernel/osrelease", "unknown");
    return `Linux 6.5 is needed for an io_uring in memory of its own; this is ${release}`;
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
