/**
 * Other processes that share the memory or the table of descriptors of a process: clone(2),
 * `CLONE_VM` and `CLONE_FILES` without `CLONE_THREAD`. Such a process may have any credentials, is
 * not among the threads, and does whatever is written into the common memory.
 *
 * @module
 */

import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { sharesDescriptors, sharesMemory } from "../../ffi/process/kcmp.ts";
import { allProcesses } from "./processes.ts";
import { nameOf } from "./process_name.ts";
import type { Sharer } from "./subject.ts";

/**
 * Finds the processes that share something with a process.
 *
 * @param tid A thread of it that has not ended.
 * @returns The processes, and how many could not be compared.
 * @throws {SystemError} If /proc cannot be read.
 */
export function seeSharers(pid: number, tid: number): { sharers: Sharer[]; refused: number } {
  const sharers: Sharer[] = [];
  let refused = 0;
  for (const other of allProcesses()) {
    if (other === pid) continue;
    try {
      const shares = {
        sharesMemory: sharesMemory(tid, other),
        sharesDescriptors: sharesDescriptors(tid, other),
      };
      if (shares.sharesMemory || shares.sharesDescriptors) {
        sharers.push({ ...nameOf(other), ...shares });
      }
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (error.errno !== Errno.ESRCH) refused++;
    }
  }
  return { sharers, refused };
}

/** Returns a process that shares something, in words. */
export function describeSharer({ pid, sharesMemory, sharesDescriptors }: Sharer): string {
  const shared = [
    ...sharesMemory ? ["its memory"] : [],
    ...sharesDescriptors ? ["its table of descriptors"] : [],
  ];
  return `process ${pid}: shares ${shared.join(" and ")}, and is none of its threads`;
}
