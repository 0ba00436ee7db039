/**
 * The system call filters of another process, read back from the kernel: what a process really has,
 * and not what it says.
 *
 * /proc says `Seccomp: 2` of a filter that allows everything as well as of one that refuses
 * everything. ptrace(2) tells the programs themselves, as they were given to seccomp(2). For that
 * the process is stopped for some microseconds, by its first thread.
 *
 * @module
 */

import { Errno, SystemError } from "../abi/errno.ts";
import { StoppedThread } from "../ptrace/stopped_thread.ts";

/**
 * Reads every filter on the first thread of another process, the oldest first.
 *
 * {@linkcode StoppedThread} stops it, and lets it go on. All of it is one call, which blocks. The
 * exit status of the process is left for whoever waits for it.
 *
 * A process that has not stopped in time (one that waits in vfork(2), or for a disk) stays traced,
 * and will stop. The event loop of the calling thread leaves it then; as long as that does not
 * turn, it stands still.
 *
 * @example
 * ```ts
 * import { readInstalledFilters } from "../mod.ts";
 *
 * const child = new Deno.Command("sleep", { args: ["5"] }).spawn();
 * try {
 *   console.log(readInstalledFilters(child.pid, 1000).length, "filters, none of them of its own");
 * } catch (error) {
 *   console.log(`It takes root: ${error}`);
 * }
 * child.kill();
 * await child.status;
 * ```
 *
 * @param timeout How long the process may take to stop, in milliseconds.
 * @returns Programs of classic BPF, as {@linkcode installFilter} takes them.
 * @throws {SystemError} `EPERM` (no `CAP_SYS_PTRACE`, or it is traced already), `EACCES` (no
 * `CAP_SYS_ADMIN`, or this process has a filter itself), `EIO` (a kernel without
 * `CONFIG_CHECKPOINT_RESTORE`), `ESRCH` (no such process), `ETIMEDOUT` (it has not stopped).
 */
export function readInstalledFilters(pid: number, timeout: number): Uint8Array<ArrayBuffer>[] {
  using thread = StoppedThread.stop(pid, timeout);
  if (thread === undefined) throw new SystemError("ptrace", Errno.ESRCH);
  return thread.filters();
}
