/**
 * The system call filters of another process, read back from the kernel.
 *
 * /proc shows `Seccomp: 2` for a filter that allows everything as well as for one that refuses
 * everything. ptrace(2) returns the programs themselves, as they were passed to seccomp(2). For
 * that the first thread of the process is stopped for some microseconds.
 *
 * @module
 */

import { Errno, SystemError } from "../abi/errno.ts";
import { StoppedThread } from "../ptrace/stopped_thread.ts";

/**
 * Reads every filter of the first thread of another process, the oldest first.
 *
 * {@linkcode StoppedThread} stops it and resumes it, in one blocking call. The exit status of the
 * process remains for its parent.
 *
 * A process that does not stop in time (one that waits in vfork(2), or for a disk) stays traced,
 * and will stop later. The event loop of the calling thread then releases it; until the event loop
 * runs, the process stands still.
 *
 * @example
 * ```ts
 * import { readInstalledFilters } from "../mod.ts";
 *
 * const child = new Deno.Command("sleep", { args: ["5"] }).spawn();
 * try {
 *   console.log(readInstalledFilters(child.pid, 1000).length, "filters");
 * } catch (error) {
 *   console.log(`It takes root: ${error}`);
 * }
 * child.kill();
 * await child.status;
 * ```
 *
 * @param timeout How long the process may take to stop, in milliseconds.
 * @returns Classic BPF programs, as {@linkcode installFilter} takes them.
 * @throws {SystemError} `EPERM` (no `CAP_SYS_PTRACE`, or the process is already traced), `EACCES`
 * (no `CAP_SYS_ADMIN`, or this process has a filter itself), `EIO` (a kernel without
 * `CONFIG_CHECKPOINT_RESTORE`), `ESRCH` (no such process), `ETIMEDOUT` (it did not stop).
 */
export function readInstalledFilters(pid: number, timeout: number): Uint8Array<ArrayBuffer>[] {
  using thread = StoppedThread.stop(pid, timeout);
  if (thread === undefined) throw new SystemError("ptrace", Errno.ESRCH);
  return thread.filters();
}
