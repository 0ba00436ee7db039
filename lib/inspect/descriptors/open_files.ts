/**
 * The open descriptors of a process, of all its threads: where each leads, how it was opened, and
 * what fdinfo adds.
 *
 * A thread may have a table of descriptors of its own (unshare(2), `CLONE_FILES`), which
 * `/proc/PID/fd` does not show. kcmp(2) tells the tables apart.
 *
 * @module
 */

import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import { readBeginning, readDirectory } from "../../../ffi/process/file.ts";
import { compareDescriptorTables } from "../../../ffi/process/kcmp.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import type { InspectedDescriptor } from "../../evidence/inspected.ts";
import { cutText } from "../cut_text.ts";
import { linkAt } from "../links.ts";
import { accessIn, inFlightIn } from "./fdinfo.ts";
import { describeRing, seeRing } from "./rings.ts";
import type { SeenRing } from "../subject.ts";

/** The descriptors of a process. */
export interface SeenFiles extends SeenDescriptors {
  /** One thread for each table, the first for that of the process. */
  readonly tables: readonly number[];
}

/** The descriptors of some tables. */
interface SeenDescriptors {
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
  const sorted: number[] = []; // the first thread of each table
  const tables = new Map<number, number[]>();
  for (const tid of tids) {
    const { at, isThere } = searchTable(tid, sorted);
    if (isThere) {
      tables.get(sorted[at])!.push(tid);
    } else {
      sorted.splice(at, 0, tid);
      tables.set(tid, [tid]);
    }
  }
  return tables.values().map((tids) => ({ tids })).toArray();
}

/**
 * Searches for the table of a thread.
 *
 * @param sorted A thread of each table that it may have, in the order of the kernel.
 * @returns Its place among them, and whether it is there.
 * @throws {SystemError} As {@linkcode descriptorTables}.
 */
export function searchTable(
  tid: number,
  sorted: readonly number[],
): { at: number; isThere: boolean } {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = low + high >> 1;
    const order = compareDescriptorTables(tid, sorted[middle]);
    if (order === 0) return { at: middle, isThere: true };
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return { at: low, isThere: false };
}

/** The most descriptors that are read, of all tables. */
const DESCRIPTOR_LIMIT = 1 << 18;

/**
 * How many readings must agree. A process that moves a descriptor from number to number may escape
 * one of them.
 */
const READINGS = 4;

/** How often that is tried before the descriptors count as changing all the time. */
const ATTEMPTS = 5;

/**
 * Reads every descriptor of a process, several times, until all readings agree.
 *
 * @param tids Its threads that have not ended. The table of the first is that of the process.
 * @param deadline By `performance.now()`. Descriptors that are left then are not read.
 * @param meanwhile Called between two readings that must agree.
 * @throws {SystemError} `ENOENT` or `ESRCH` if a thread is gone; `EACCES` or `EPERM` without
 * permission.
 */
export function seeFiles(
  pid: number,
  tids: readonly number[],
  deadline: number,
  meanwhile: () => void,
): SeenFiles {
  for (let attempt = 1;; attempt++) {
    const { tables, unseen } = tablesOf(tids);
    const seen = seeTables(pid, tables, deadline, meanwhile);
    const files = {
      ...seen,
      tables: tables.map(({ tids: [first] }) => first),
      unseen: [...unseen, ...seen.unseen],
    };
    // A thread that takes a table of its own takes every descriptor with it.
    if (areSameTables(tables, tablesOf(tids).tables)) return files;
    if (attempt === ATTEMPTS) {
      return withReason(files, "some descriptors: threads took tables of their own meanwhile");
    }
  }
}

function areSameTables(
  one: readonly DescriptorTable[],
  other: readonly DescriptorTable[],
): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function seeTables(
  pid: number,
  tables: readonly DescriptorTable[],
  deadline: number,
  meanwhile: () => void,
): SeenDescriptors {
  const unseen: string[] = [];
  const found: SeenDescriptors[] = [];
  let left = DESCRIPTOR_LIMIT;
  for (const [at, table] of tables.entries()) {
    if (left <= 0 || performance.now() > deadline) {
      unseen.push(`${tables.length - at} more tables of descriptors: there are too many`);
      break;
    }
    const seen = seeTable(pid, table.tids, {
      isOwn: at > 0,
      most: left,
      meanwhile,
      deadline,
    });
    left -= seen.descriptors.length;
    found.push(seen);
  }
  return {
    descriptors: found.flatMap(({ descriptors }) => descriptors),
    rings: found.flatMap(({ rings }) => rings),
    unseen: [...unseen, ...found.flatMap(({ unseen }) => unseen)],
  };
}

function tablesOf(
  tids: readonly number[],
): { tables: readonly DescriptorTable[]; unseen: string[] } {
  try {
    return { tables: descriptorTables(tids), unseen: [] };
  } catch (error) {
    if (!(error instanceof SystemError && error.errno === Errno.ENOSYS)) throw error;
    const reason = "descriptors of single threads: the kernel has no kcmp(2)";
    return { tables: [{ tids }], unseen: tids.length === 1 ? [] : [reason] };
  }
}

/** How a table is read. */
interface TableReading {
  /** Whether the table is not that of the process, but of some threads. */
  readonly isOwn: boolean;
  /** The most descriptors. */
  readonly most: number;
  /** Called between two readings. */
  readonly meanwhile: () => void;
  readonly deadline: number;
}

function seeTable(pid: number, holders: readonly number[], reading: TableReading): SeenDescriptors {
  const folder = `/proc/${pid}/task/${holders[0]}`;
  const of = reading.isOwn ? ` of thread ${holders[0]}` : "";
  for (let attempt = 1;; attempt++) {
    const links = readLinks(folder, reading);
    const seen = examine(folder, links.read, reading.isOwn ? holders : [], reading);
    reading.meanwhile();
    const isSame = Array.from({ length: READINGS - 1 })
      .every(() => areAlike(links.read, readLinks(folder, reading).read));
    const left = links.left + seen.left;
    if (left > 0) {
      return withReason(seen, `${left} descriptors${of}: there are too many to read them all`);
    }
    if (isSame) return seen;
    if (attempt === ATTEMPTS) {
      return withReason(seen, `some descriptors${of}: they were opened and closed all the time`);
    }
  }
}

const withReason = <T extends SeenDescriptors>(seen: T, reason: string): T => ({
  ...seen,
  unseen: [...seen.unseen, reason],
});

/** Returns the links by number, and how many were not read. */
function readLinks(
  folder: string,
  { most, deadline }: TableReading,
): { read: Map<number, string>; left: number } {
  const read = new Map<number, string>();
  const names = readDirectory(`${folder}/fd`);
  for (const [at, name] of names.entries()) {
    if (at === most || performance.now() > deadline) return { read, left: names.length - at };
    read.set(Number(name), linkAt(`${folder}/fd/${name}`) ?? CLOSED);
  }
  return { read, left: 0 };
}

/** Stands for a link that is not there any more. The second reading then differs. */
const CLOSED = "a descriptor that was closed";

/** Reads what fdinfo adds to the links, and how many were left at the deadline. */
function examine(
  folder: string,
  links: ReadonlyMap<number, string>,
  tids: readonly number[],
  { deadline }: TableReading,
): SeenDescriptors & { left: number } {
  const descriptors: InspectedDescriptor[] = [];
  const rings: SeenRing[] = [];
  const unseen: string[] = [];
  for (const [fd, link] of links) {
    if (performance.now() > deadline) break;
    const path = `${folder}/fdinfo/${fd}`;
    const bytes = unlessGone(() => readBeginning(path, INFO_BYTES));
    const info = new TextDecoder().decode(bytes);
    let note = describeInFlight(inFlightIn(info) ?? 0);
    if (link === "anon_inode:[io_uring]") {
      const seen = seeRing(path, fd);
      rings.push(seen.ring);
      unseen.push(...seen.unseen);
      note = describeRing(seen.ring);
    }
    descriptors.push({ fd, refers_to: cutText(link), access: accessIn(info), note, tids });
  }
  return { descriptors, rings, unseen, left: links.size - descriptors.length };
}

function areAlike(one: ReadonlyMap<number, string>, other: ReadonlyMap<number, string>): boolean {
  return one.size === other.size && [...one].every(([fd, link]) => other.get(fd) === link);
}

/** The first bytes of an fdinfo, which hold everything but the contents of a ring or an epoll. */
const INFO_BYTES = 4096;

function describeInFlight(count: number): string {
  return count === 0 ? "" : `${count} descriptor${count === 1 ? "" : "s"} in flight`;
}
