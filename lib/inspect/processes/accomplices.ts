/**
 * The accomplices of a process: other processes with privileges, through which it can act although
 * all of its own threads are unprivileged. It can write the memory that it shares with one
 * (clone(2), `CLONE_VM`), it uses whatever one opens in a common table of descriptors
 * (`CLONE_FILES`), it controls one that it traces (ptrace(2)), even after its own drop, and it may
 * type into the terminal of one.
 *
 * @module
 */

import { readDirectory, readLink, readTextFile } from "../../../ffi/process/file.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import { allProcesses } from "./processes.ts";
import type { Sharer } from "../subject.ts";
import { sharersOfTerminal } from "./terminal.ts";

/** The accomplices of a process, in words. */
export interface Accomplices {
  /** Those that are certain. */
  readonly found: readonly string[];
  /** Those that may be accomplices, or why they cannot be told. */
  readonly unseen: readonly string[];
}

/** The most threads that are examined. */
const THREAD_LIMIT = 50_000;

/** A thread of another process, from its status. */
export interface OtherThread {
  readonly tid: number;
  readonly name: string;
  /** Whether it has memory: a kernel thread and a thread that has ended have none. */
  readonly hasMemory: boolean;
  /** The process that traces it; 0 for none. */
  readonly tracer: number;
  /** Whether one of its uids is 0. */
  readonly isRoot: boolean;
  /** Whether it has a permitted capability, perhaps over a user namespace of its own alone. */
  readonly hasCapability: boolean;
}

/**
 * Parses the status of a thread. Source: proc_pid_status(5).
 *
 * @throws {Error} If a line is missing.
 */
export function parseOtherThread(tid: number, status: string): OtherThread {
  const line = (key: string) => {
    const value = status.match(new RegExp(`^${key}:[ \\t]*(.*)$`, "m"))?.[1];
    if (value === undefined) throw new Error(`No line ${key} in the status of thread ${tid}`);
    return value.trim();
  };
  return {
    tid,
    name: line("Name"),
    hasMemory: /^VmSize:/m.test(status),
    tracer: Number(line("TracerPid")),
    isRoot: line("Uid").split(/\s+/).includes("0"),
    hasCapability: !/^0+$/.test(line("CapPrm")),
  };
}

/**
 * Searches all processes for accomplices of one.
 *
 * @param sharers The processes that were seen to share something with it.
 * @throws {SystemError} If /proc cannot be read.
 */
export function seeAccomplices(pid: number, sharers: readonly Sharer[]): Accomplices {
  const found: string[] = [], unseen: string[] = [];
  const sharing = new Map(
    sharers.map((sharer) => [sharer.pid, sharer.sharesMemory ? "memory" : "descriptors"]),
  );
  const read = new Set<number>();
  let left = THREAD_LIMIT;
  for (const other of allProcesses()) {
    if (other === pid) continue;
    const { threads, gone } = unlessGone(() => threadsOf(other, left)) ?? NO_THREADS;
    left -= threads.length + gone;
    if (left <= 0) {
      unseen.push(`which processes it traces: there are more than ${THREAD_LIMIT} threads`);
      break;
    }
    if (threads.length > 0 && gone === 0) read.add(other);
    const privileged = threads.filter(({ isRoot, hasCapability }) => isRoot || hasCapability);
    if (privileged.length === 0) continue;
    const isCertain = privileged.some(({ isRoot }) => isRoot) || isInSameUserNamespace(pid, other);
    const list = isCertain ? found : unseen;
    const name = `process ${other} (${privileged[0].name}), which has ` +
      (isCertain ? "privileges" : "capabilities over another user namespace");
    if (privileged.some(({ tracer }) => tracer === pid)) list.push(`it traces ${name}`);
    const shared = sharing.get(other);
    if (shared !== undefined) list.push(`it shares its ${shared} with ${name}`);
  }
  for (const { pid: other } of sharers) {
    if (read.has(other)) continue;
    unseen.push(`it shares with process ${other}, whose threads end before they can be read`);
  }
  return { found, unseen: [...unseen, ...sharersOfTerminal(pid)] };
}

/** The threads of a process, and how many were listed and had ended when they were to be read. */
interface OtherThreads {
  readonly threads: readonly OtherThread[];
  readonly gone: number;
}

const NO_THREADS: OtherThreads = { threads: [], gone: 0 };

function threadsOf(pid: number, most: number): OtherThreads {
  const names = readDirectory(`/proc/${pid}/task`).slice(0, most);
  const threads = names.flatMap((name) => {
    const status = unlessGone(() => readTextFile(`/proc/${pid}/task/${name}/status`));
    return status === undefined ? [] : [parseOtherThread(Number(name), status)];
  });
  return { threads, gone: names.length - threads.length };
}

function isInSameUserNamespace(pid: number, other: number): boolean {
  try {
    return readLink(`/proc/${pid}/ns/user`) === readLink(`/proc/${other}/ns/user`);
  } catch {
    return true; // capabilities of a process that may not be looked at count
  }
}
