/**
 * Other processes that share the memory or the table of descriptors of a process: clone(2),
 * `CLONE_VM` and `CLONE_FILES` without `CLONE_THREAD`. Such a process may have any credentials, is
 * not among the threads, and does whatever is written into the common memory.
 *
 * @module
 */

import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { readDirectory, readTextFile } from "../../ffi/process/file.ts";
import { sharesDescriptors, sharesMemory } from "../../ffi/process/kcmp.ts";
import { unlessGone } from "../../ffi/process/proc.ts";
import { allProcesses } from "./processes.ts";
import { nameOf } from "./process_name.ts";
import type { Sharer } from "./subject.ts";

/**
 * Finds the processes that share something with a process.
 *
 * @param tid A thread of it that has not ended.
 * @returns The processes, and how many may share its memory, because they could not be compared.
 * @throws {SystemError} If /proc cannot be read.
 */
export function seeSharers(pid: number, tid: number): { sharers: Sharer[]; refused: number } {
  const sharers: Sharer[] = [];
  let refused = 0;
  for (const other of allProcesses()) {
    const otherTid = other === pid ? undefined : livingThread(other);
    if (otherTid === undefined) continue;
    try {
      const shares = {
        sharesMemory: sharesMemory(tid, otherTid),
        sharesDescriptors: sharesDescriptors(tid, otherTid),
      };
      if (shares.sharesMemory || shares.sharesDescriptors) {
        sharers.push({ ...nameOf(other), ...shares });
      }
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (error.errno !== Errno.ESRCH && !haveDifferentMemory(tid, otherTid)) refused++;
    }
  }
  return { sharers, refused };
}

/**
 * Returns a thread of a process that has memory: its first one, unless that has ended. A thread of
 * the kernel has none.
 */
function livingThread(pid: number): number | undefined {
  if (peakOf(pid) !== undefined) return pid;
  const others = unlessGone(() => readDirectory(`/proc/${pid}/task`)) ?? [];
  return others.map(Number).find((tid) => peakOf(tid) !== undefined);
}

/**
 * Returns the largest size that the memory of a thread has had, as its status reports it;
 * `undefined` if it has no memory. Source: proc_pid_status(5), `VmPeak`.
 */
function peakOf(tid: number): string | undefined {
  const status = unlessGone(() => readTextFile(`/proc/${tid}/status`));
  return status?.match(/^VmPeak:\s*(.*)$/m)?.[1];
}

/**
 * Whether two threads have different memory for certain, although kcmp(2) is refused: the peak of
 * its size never falls. If it is the same before and after the other one is read, and the other one
 * differs, that is another memory.
 */
function haveDifferentMemory(tid: number, otherTid: number): boolean {
  const before = peakOf(tid), other = peakOf(otherTid), after = peakOf(tid);
  return before !== undefined && before === after && other !== before;
}

/** Returns a process that shares something, in words. */
export function describeSharer({ pid, sharesMemory, sharesDescriptors }: Sharer): string {
  const shared = [
    ...sharesMemory ? ["its memory"] : [],
    ...sharesDescriptors ? ["its table of descriptors"] : [],
  ];
  return `process ${pid}: shares ${shared.join(" and ")}, and is none of its threads`;
}
