/**
 * Other processes that share the memory or the table of descriptors of a process: clone(2),
 * `CLONE_VM` and `CLONE_FILES` without `CLONE_THREAD`. Such a process may have any credentials, is
 * not among the threads, and does whatever is written into the common memory.
 *
 * @module
 */

import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import { readDirectory, readTextFile } from "../../../ffi/process/file.ts";
import { compareDescriptorTables, sharesMemory } from "../../../ffi/process/kcmp.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import { searchTable } from "../descriptors/open_files.ts";
import { allProcesses } from "./processes.ts";
import { nameOf } from "./process_name.ts";
import type { Sharer } from "../subject.ts";

/** The processes that share something with a process. */
export interface Sharers {
  readonly sharers: readonly Sharer[];
  /** How many processes may share its memory, because they could not be compared. */
  readonly refused: number;
}

/**
 * Finds the processes that share something with a process.
 *
 * Such a process can hide by a short life: it starts another one like it, and ends before it can be
 * compared. So if any process of the list has ended by then, the newest ones are searched for it.
 *
 * @param tid A thread of it that has not ended.
 * @param tables One thread for each of its tables of descriptors.
 * @throws {SystemError} If /proc cannot be read, or `ESRCH` if one of these threads has ended.
 */
export function seeSharers(pid: number, tid: number, tables: readonly number[]): Sharers {
  const common: Common = { tid, tables: sortedTables(tables) };
  const sharers: Sharer[] = [];
  let refused = 0, gone = 0;
  for (const other of allProcesses()) {
    if (other === pid) continue;
    const compared = compare(common, other);
    if (compared === "gone") gone++;
    else if (compared === "refused") refused++;
    else if (compared !== undefined) sharers.push(compared);
  }
  return { sharers: gone > 0 ? [...sharers, ...newestSharers(pid, common)] : sharers, refused };
}

/** What another process may share with a process. */
interface Common {
  /** A thread with its memory. */
  readonly tid: number;
  /** One thread for each of its tables of descriptors, in the order of the kernel. */
  readonly tables: readonly number[];
}

/** Sorts threads by their tables; none if the kernel does not compare them. */
function sortedTables(tids: readonly number[]): number[] {
  try {
    return tids.toSorted(compareDescriptorTables);
  } catch (error) {
    if (error instanceof SystemError && error.errno !== Errno.ESRCH) return [];
    throw error;
  }
}

/** Whether a thread of another process has one of the tables. */
const sharesTable = ({ tables }: Common, otherTid: number): boolean =>
  searchTable(otherTid, tables).isThere;

/** Returns what another process shares; `undefined` if it shares nothing. */
function compare(common: Common, other: number): Sharer | "gone" | "refused" | undefined {
  const { tid } = common;
  const otherTid = livingThread(other);
  if (otherTid === undefined) return hasOneThread(other) ? undefined : "gone";
  try {
    const shares = {
      sharesMemory: sharesMemory(tid, otherTid),
      // Each of its threads may have a table of its own.
      sharesDescriptors: readDirectory(`/proc/${other}/task`)
        .some((name) => sharesTable(common, Number(name))),
    };
    const isSharer = shares.sharesMemory || shares.sharesDescriptors;
    return isSharer ? { ...nameOf(other), ...shares } : undefined;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.errno === Errno.ESRCH || error.errno === Errno.ENOENT) return "gone";
    return haveDifferentMemory(tid, otherTid) ? undefined : "refused";
  }
}

/** Whether a process is there and has one thread. Without memory that is the kernel's, or ended. */
const hasOneThread = (pid: number) =>
  unlessGone(() => readDirectory(`/proc/${pid}/task`))?.length === 1;

/**
 * The ids that are tried before and after the newest one, and how often. Ids are given out in
 * order, and are tried faster than processes can be started: so the search overtakes a process that
 * starts another one and ends, again and again.
 */
const NEWEST = { before: 16, after: 512, rounds: 4 };

function newestSharers(pid: number, common: Common): Sharer[] {
  for (let round = 0; round < NEWEST.rounds; round++) {
    const newest = Number(readTextFile("/proc/loadavg").trim().split(" ").at(-1));
    for (let other = newest - NEWEST.before; other < newest + NEWEST.after; other++) {
      if (other < 1 || other === pid) continue;
      try {
        const shares = {
          sharesMemory: sharesMemory(common.tid, other),
          sharesDescriptors: sharesTable(common, other),
        };
        if (!shares.sharesMemory && !shares.sharesDescriptors || isThreadOf(pid, other)) continue;
        return [{ ...nameOf(other), ...shares }];
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
      }
    }
  }
  return [];
}

const isThreadOf = (pid: number, tid: number) =>
  unlessGone(() => readTextFile(`/proc/${pid}/task/${tid}/comm`)) !== undefined;

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
