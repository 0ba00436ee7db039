/**
 * The processes that hold sockets, by the links of `/proc/PID/fd`: those of every process, and of
 * every thread that has a table of descriptors of its own.
 *
 * @module
 */

import { SystemError } from "../../../ffi/abi/errno.ts";
import { readDirectory, readLink, readTextFile } from "../../../ffi/process/file.ts";
import { sharesDescriptors } from "../../../ffi/process/kcmp.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import type { NamedProcess } from "../../evidence/inspected.ts";
import { accessIn } from "../descriptors/fdinfo.ts";
import { nameIn } from "../processes/process_name.ts";
import { allProcesses } from "../processes/processes.ts";

/** A descriptor of a process. */
export interface Holder extends NamedProcess {
  readonly fd: number;
  /** The thread that holds it in a table of its own; otherwise the process id. */
  readonly tid: number;
}

/** The result of the search. */
export interface Holders {
  /** By the link of the socket. */
  readonly byLink: ReadonlyMap<string, readonly Holder[]>;
  /** Why holders may be missing; empty if none can be. */
  readonly unseen: readonly string[];
}

/** The most links that are read. Each takes some microseconds. */
const LINK_LIMIT = 1 << 18;

/**
 * Finds the processes that hold some sockets.
 *
 * A process that opens and closes descriptors meanwhile may be missed.
 *
 * @param links The links of the sockets, such as `socket:[4711]`.
 * @throws {SystemError} If /proc cannot be read.
 */
export function holdersOf(links: ReadonlySet<string>): Holders {
  const byLink = new Map<string, Holder[]>();
  const search = new Search(links, byLink);
  for (const pid of links.size === 0 ? [] : allProcesses()) {
    if (!search.look(pid)) break;
  }
  return { byLink, unseen: search.unseen };
}

/** The most numbers of one socket in one table of descriptors that are reported. */
const NUMBERS_LIMIT = 8;

/** The most tables of descriptors with which that of a thread is compared. */
const TABLES_LIMIT = 16;

class Search {
  #read = 0;
  #refusals = 0;
  #refusal = "";

  constructor(
    readonly links: ReadonlySet<string>,
    readonly byLink: Map<string, Holder[]>,
  ) {}

  get unseen(): string[] {
    return [
      ...this.#read < LINK_LIMIT ? [] : [
        `only ${LINK_LIMIT} descriptors of the ${allProcesses().length} processes were searched ` +
        "for holders",
      ],
      ...this.#refusals === 0 ? [] : [
        `the descriptors of ${this.#refusals} processes or threads cannot be searched for ` +
        `holders: ${this.#refusal}`,
      ],
    ];
  }

  /** Searches a process. Returns false when the limit is reached. */
  look(pid: number): boolean {
    try {
      this.#lookAt(pid, pid, `/proc/${pid}/fd`);
      const tables = [pid]; // a thread of each table that was searched
      for (const tid of unlessGone(() => readDirectory(`/proc/${pid}/task`)) ?? []) {
        this.#lookAtThread(pid, Number(tid), tables);
      }
    } catch (error) {
      this.#refused(error);
    }
    return this.#read < LINK_LIMIT;
  }

  #lookAtThread(pid: number, tid: number, tables: number[]): void {
    try {
      for (const other of tables.slice(0, TABLES_LIMIT)) {
        if (this.#read++ >= LINK_LIMIT) return;
        if (tid === other || unlessGone(() => sharesDescriptors(other, tid)) !== false) return;
      }
      this.#lookAt(pid, tid, `/proc/${pid}/task/${tid}/fd`);
      tables.push(tid);
    } catch (error) {
      this.#refused(error);
    }
  }

  #refused(error: unknown): void {
    if (!(error instanceof SystemError)) throw error;
    this.#refusals++;
    this.#refusal = error.message;
  }

  #lookAt(pid: number, tid: number, folder: string): void {
    const found = new Map<string, number>();
    for (const fd of unlessGone(() => readDirectory(folder)) ?? []) {
      if (this.#read++ >= LINK_LIMIT) return;
      const link = unlessGone(() => readLink(`${folder}/${fd}`));
      if (link === undefined || !this.links.has(link) || found.get(link) === NUMBERS_LIMIT) {
        continue;
      }
      if (isByName(folder, fd)) continue;
      found.set(link, (found.get(link) ?? 0) + 1);
      const name = nameIn(`/proc/${pid}/task/${tid}`);
      const holder = { pid, tid, fd: Number(fd), name };
      const holders = this.byLink.get(link);
      if (holders === undefined) this.byLink.set(link, [holder]);
      else holders.push(holder);
    }
  }
}

/** Whether a descriptor refers to the name of a file only (O_PATH), and does not hold a socket. */
function isByName(folder: string, fd: string): boolean {
  const info = unlessGone(() => readTextFile(`${folder.replace(/fd$/, "fdinfo")}/${fd}`)) ?? "";
  return accessIn(info) === "path";
}
