/**
 * The open descriptors of a process, of all its threads: where each leads, how it was opened, and
 * what fdinfo adds.
 *
 * A thread may have a table of descriptors of its own (unshare(2), `CLONE_FILES`), which
 * `/proc/PID/fd` does not show. kcmp(2) tells the tables apart.
 *
 * @module
 */

import { O_PATH } from "../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { readBeginning, readDirectory } from "../../ffi/process/file.ts";
import { compareDescriptorTables } from "../../ffi/process/kcmp.ts";
import { unlessGone } from "../../ffi/process/proc.ts";
import type { InspectedDescriptor } from "../evidence/inspected.ts";
import { cutText } from "./cut_text.ts";
import { linkAt } from "./links.ts";
import { describeRing, seeRing } from "./rings.ts";
import type { SeenRing } from "./subject.ts";

/** The descriptors of a process. */
export interface SeenFiles {
  readonly descriptors: readonly InspectedDescriptor[];
  readonly rings: readonly SeenRing[];
  /** Whatever could not be seen, each with the reason. */
  readonly unseen: readonly string[];
}

/** A table of descriptors, with the threads that share it. */
export interface DescriptorTable {
  readonly tids: readonly number[];
}

/**
 * Sorts threads by their tables of descriptors.
 *
 * @returns The tables, in the order of their first threads.
 * @throws {SystemError} `EPERM` without CAP_SYS_PTRACE; `ESRCH` if a thread has ended; `ENOSYS`.
 */
export function descriptorTables(tids: readonly number[]): DescriptorTable[] {
  const sorted: number[][] = [];
  for (const tid of tids) {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = low + high >> 1;
      const order = compareDescriptorTables(tid, sorted[middle][0]);
      if (order === 0) low = high = middle;
      else if (order < 0) high = middle;
      else low = middle + 1;
    }
    const there = sorted[low];
    if (there !== undefined && compareDescriptorTables(tid, there[0]) === 0) there.push(tid);
    else sorted.splice(low, 0, [tid]);
  }
  const place = (table: number[]) => tids.indexOf(table[0]);
  return sorted.toSorted((a, b) => place(a) - place(b)).map((table) => ({ tids: table }));
}

/** How often the descriptors are read before they count as changing all the time. */
const ATTEMPTS = 5;

/**
 * Reads every descriptor of a process, twice, until both readings agree.
 *
 * @param tids Its threads that have not ended. The table of the first is that of the process.
 * @param deadline By `performance.now()`.
 * @throws {SystemError} `ENOENT` or `ESRCH` if a thread is gone; `EACCES` or `EPERM` without
 * permission.
 */
export function seeFiles(pid: number, tids: readonly number[], deadline: number): SeenFiles {
  const { tables, unseen } = tablesOf(tids);
  const seen = tables.map((table, at) => seeTable(pid, table, at > 0, deadline));
  return {
    descriptors: seen.flatMap(({ descriptors }) => descriptors),
    rings: seen.flatMap(({ rings }) => rings),
    unseen: [...unseen, ...seen.flatMap(({ unseen }) => unseen)],
  };
}

function tablesOf(tids: readonly number[]): { tables: DescriptorTable[]; unseen: string[] } {
  try {
    return { tables: descriptorTables(tids), unseen: [] };
  } catch (error) {
    if (!(error instanceof SystemError && error.errno === Errno.ENOSYS)) throw error;
    const reason = "descriptors of single threads: the kernel has no kcmp(2)";
    return { tables: [{ tids }], unseen: tids.length === 1 ? [] : [reason] };
  }
}

function seeTable(
  pid: number,
  { tids }: DescriptorTable,
  isOwn: boolean,
  deadline: number,
): SeenFiles {
  const folder = `/proc/${pid}/task/${tids[0]}`;
  const of = isOwn ? ` of thread ${tids[0]}` : "";
  for (let attempt = 1;; attempt++) {
    const links = readLinks(folder, deadline);
    if (links === undefined) {
      return nothingSeen(`the descriptors${of}: there are too many to read them in time`);
    }
    const descriptors: InspectedDescriptor[] = [];
    const rings: SeenRing[] = [];
    const unseen: string[] = [];
    for (const [fd, link] of links) {
      if (performance.now() > deadline) {
        unseen.push(`the access of descriptors${of}: there are too many to read them in time`);
        break;
      }
      const info = infoOf(folder, fd);
      let note = inFlight(info);
      if (link === "anon_inode:[io_uring]") {
        const { ring, unseen: hidden } = seeRing(`${folder}/fdinfo/${fd}`, fd, tids);
        rings.push(ring);
        unseen.push(...hidden);
        note = describeRing(ring);
      }
      const access = accessIn(info);
      descriptors.push({ fd, refers_to: cutText(link), access, note, tids: isOwn ? tids : [] });
    }
    const again = readLinks(folder, deadline);
    if (again !== undefined && areAlike(links, again)) return { descriptors, rings, unseen };
    if (attempt === ATTEMPTS || again === undefined) {
      return {
        descriptors,
        rings,
        unseen: [...unseen, `some descriptors${of}: they were opened and closed all the time`],
      };
    }
  }
}

const nothingSeen = (reason: string): SeenFiles => ({
  descriptors: [],
  rings: [],
  unseen: [reason],
});

/** Returns the links by number; undefined if the deadline passes meanwhile. */
function readLinks(folder: string, deadline: number): Map<number, string> | undefined {
  const links = new Map<number, string>();
  for (const name of readDirectory(`${folder}/fd`)) {
    if (performance.now() > deadline) return undefined;
    const link = linkAt(`${folder}/fd/${name}`);
    if (link !== undefined) links.set(Number(name), link);
  }
  return links;
}

function areAlike(one: ReadonlyMap<number, string>, other: ReadonlyMap<number, string>): boolean {
  return one.size === other.size && [...one].every(([fd, link]) => other.get(fd) === link);
}

/** The first bytes of an fdinfo, which hold everything but the contents of a ring or an epoll. */
const INFO_BYTES = 4096;

function infoOf(folder: string, fd: number): string {
  const bytes = unlessGone(() => readBeginning(`${folder}/fdinfo/${fd}`, INFO_BYTES));
  return new TextDecoder().decode(bytes);
}

const ACCESS = ["read", "write", "read and write", null] as const;
const O_ACCMODE = 3;

/** Returns the access of a descriptor from the text of its fdinfo. Source: proc_pid_fdinfo(5). */
export function accessIn(info: string): InspectedDescriptor["access"] {
  const [, octal] = info.match(/^flags:\s*([0-7]+)$/m) ?? [];
  if (octal === undefined) return null;
  const flags = parseInt(octal, 8);
  return (flags & O_PATH) !== 0 ? "path" : ACCESS[flags & O_ACCMODE];
}

/** Returns the descriptors in flight in a socket's queue, in words. Since Linux 5.11. */
function inFlight(info: string): string {
  const count = Number(info.match(/^scm_fds:\s*(\d+)$/m)?.[1] ?? 0);
  return count === 0 ? "" : `${count} descriptor${count === 1 ? "" : "s"} in flight`;
}
