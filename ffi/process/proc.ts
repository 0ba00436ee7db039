/**
 * Reading /proc of a process that may end meanwhile.
 *
 * @module
 */

import { Errno, SystemError } from "../abi/errno.ts";
import { libc } from "../abi/libc.ts";
import { syscallNumber } from "../abi/syscalls.ts";
import { readDirectory, readLink, readTextFile } from "./file.ts";

/**
 * The open descriptors of a process, and what each refers to, such as `socket:[4711]`.
 *
 * Reads the links of `/proc/PID/fd` (proc_pid_fd(5)). The descriptor that the reading itself opens
 * is left out.
 *
 * @param process A process id, or `"self"`.
 * @param most The largest accepted number: a process may open a million descriptors to slow the
 * reader down.
 * @returns Number → target of the link.
 * @throws {SystemError} `ENOENT` if there is no such process or no /proc; `EACCES` if this process
 * may not look at it.
 * @throws {RangeError} If there are more than `most`.
 */
export function openDescriptors(process: number | "self", most = Infinity): Map<number, string> {
  const folder = `/proc/${process}/fd`;
  const names = readDirectory(folder);
  if (names.length > most) throw new RangeError(`more than ${most} descriptors: ${names.length}`);
  const descriptors = new Map<number, string>();
  for (const name of names) {
    // The descriptor of the folder itself is closed by now, and others may be.
    const link = unlessGone(() => readLink(`${folder}/${name}`));
    if (link !== undefined) descriptors.set(Number(name), link);
  }
  return descriptors;
}

/** The largest thread id of any Linux. Source: PID_MAX_LIMIT in include/linux/threads.h. */
const LARGEST_TID = 4 * 1024 * 1024;

/**
 * The threads of this process, by thread id, each with its folder in /proc.
 *
 * Where /proc belongs to an outer PID namespace, the folder has another number: `NSpid` in
 * proc_pid_status(5). Where /proc does not show this process, the kernel is asked about every
 * possible thread id, by tgkill(2) without a signal, which takes a second or two.
 *
 * @example
 * ```ts
 * import { ownThreads } from "../mod.ts";
 *
 * console.assert(ownThreads().has(Deno.pid)); // the first thread has the id of the process
 * ```
 *
 * @returns Thread id → folder, `undefined` if /proc does not show the thread.
 * @throws {SystemError} `EACCES`, `EMFILE`, … if /proc is there and cannot be read.
 */
export function ownThreads(): Map<number, string | undefined> {
  const self = unlessGone(() => readLink("/proc/self"));
  if (self === undefined) return new Map(threadsByTrial().map((tid) => [tid, undefined]));
  const folders = readDirectory("/proc/self/task").map((name) => `/proc/self/task/${name}`);
  const isOutside = self !== String(Deno.pid);
  return new Map(folders.flatMap((folder) => {
    const tid = isOutside ? innermostId(folder) : Number(folder.slice(folder.lastIndexOf("/") + 1));
    return tid === undefined ? [] : [[tid, folder]];
  }));
}

/** The id of a thread in its own PID namespace; `undefined` if it is gone. */
function innermostId(folder: string): number | undefined {
  const status = unlessGone(() => readTextFile(`${folder}/status`));
  if (status === undefined) return undefined;
  return Number(status.match(/^NSpid:.*?(\d+)$/m)![1]); // since Linux 4.1
}

function threadsByTrial(): number[] {
  const [tgkill, pid] = [BigInt(syscallNumber("tgkill")!), BigInt(Deno.pid)]; // on every Linux
  const tids: number[] = [];
  for (let tid = 1; tid < LARGEST_TID; tid++) {
    if (libc.syscall(tgkill, pid, BigInt(tid), 0n, 0n, 0n, 0n) === 0) tids.push(tid);
  }
  return tids;
}

/**
 * Reads something in /proc that may be gone: its process has ended, or its descriptor is closed.
 *
 * The read is repeated before absence is believed, because a check that looks for something
 * forbidden must not overlook it.
 *
 * @param read The read.
 * @returns The result of `read`; `undefined` if it fails twice with `ENOENT` or `ESRCH`.
 * @throws Any other error of `read`.
 */
export function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  try {
    return read();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

const isGone = (error: unknown) =>
  error instanceof SystemError && (error.errno === Errno.ENOENT || error.errno === Errno.ESRCH);
