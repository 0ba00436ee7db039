/**
 * The credentials of every thread of a process, as `/proc/PID/task/TID/status` reports them.
 *
 * Credentials belong to a thread, not to a process. credentials(7) describes a process whose
 * threads agree, and only libc makes them agree.
 *
 * @module
 */

import { readDirectory, readTextFile } from "../../../ffi/process/file.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import { ExperimentError } from "../../evidence/errors.ts";

/** The credentials of one thread. Source: proc_pid_status(5). */
export interface ThreadCredentials {
  readonly tid: number;
  /** Real, effective, saved, filesystem. */
  readonly uids: readonly number[];
  /** Real, effective, saved, filesystem. */
  readonly gids: readonly number[];
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** The capability sets, as hexadecimal numbers: CapInh, CapPrm, CapEff, CapBnd, CapAmb. */
  readonly capabilities: Readonly<Record<string, string>>;
  /** `NoNewPrivs`: 1 if execve(2) grants no privilege. */
  readonly noNewPrivs: number;
  /** `Seccomp`: 0 for none, 2 for a filter. */
  readonly seccomp: number;
  /** `Seccomp_filters`: the number of filters; null before Linux 5.9. */
  readonly filters: number | null;
}

/** The five capability sets, as the kernel names them. */
export const CAPABILITY_SETS = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] as const;

/**
 * Parses the text of a thread's `status` file.
 *
 * @throws {Error} If a line is missing: a missing value must not count as harmless.
 */
export function parseStatus(tid: number, status: string): ThreadCredentials {
  const line = (key: string): string => {
    const value = lineOf(status, key);
    if (value === undefined) throw new Error(`No line ${key} in the status of thread ${tid}`);
    return value;
  };
  const numbers = (key: string) => line(key).split(/\s+/).filter((word) => word !== "").map(Number);
  const filters = lineOf(status, "Seccomp_filters");
  return {
    tid,
    uids: numbers("Uid"),
    gids: numbers("Gid"),
    groups: numbers("Groups"),
    capabilities: Object.fromEntries(CAPABILITY_SETS.map((set) => [set, line(set)])),
    noNewPrivs: Number(line("NoNewPrivs")),
    seccomp: Number(line("Seccomp")),
    filters: filters === undefined ? null : Number(filters),
  };
}

function lineOf(status: string, key: string): string | undefined {
  return status.match(new RegExp(`^${key}:[ \\t]*(.*)$`, "m"))?.[1].trim();
}

/** Whether a capability is in a set of a thread. */
export function isInSet(
  { capabilities }: Pick<ThreadCredentials, "capabilities">,
  set: typeof CAPABILITY_SETS[number],
  bit: number,
): boolean {
  return (BigInt(`0x${capabilities[set]}`) >> BigInt(bit) & 1n) === 1n;
}

/** Whether a thread has a capability, or can make it effective without anyone's leave. */
export function holds(thread: Pick<ThreadCredentials, "capabilities">, bit: number): boolean {
  return isInSet(thread, "CapEff", bit) || isInSet(thread, "CapPrm", bit);
}

/** Threads that look alike. */
export interface ThreadsAlike<T> {
  readonly tids: readonly number[];
  readonly seen: T;
}

/**
 * Groups threads by what was seen of each. Usually all threads are alike, and the evidence states
 * it once.
 */
export function groupAlike<T extends { readonly tid: number }, S>(
  threads: readonly T[],
  show: (thread: T) => S,
): ThreadsAlike<S>[] {
  const groups = Map.groupBy(threads, (thread) => JSON.stringify(show(thread)));
  return [...groups.values()].map((group) => ({
    tids: [...new Set(group.map(({ tid }) => tid))],
    seen: show(group[0]),
  }));
}

/**
 * The most threads examined. A runtime has a few dozen; thousands would only slow the look down.
 */
const THREAD_LIMIT = 1000;

/**
 * Lists the threads of a process.
 *
 * @throws {SystemError} `ENOENT` if there is no such process, or no /proc.
 * @throws {ExperimentError} If there are too many.
 */
export function threadIds(process: number | "self"): number[] {
  const tids = readDirectory(`/proc/${process}/task`).map(Number);
  if (tids.length > THREAD_LIMIT) {
    throw new ExperimentError(`The child has more than ${THREAD_LIMIT} threads: ${tids.length}`);
  }
  return tids;
}

/**
 * Reads one file of every thread of a process, under /proc/PID/task/TID. Threads that end meanwhile
 * are left out.
 *
 * @throws {SystemError} `ENOENT` if there is no such process, or no /proc.
 * @throws {ExperimentError} If there are too many threads.
 */
export function threadFiles(process: number | "self", name: string): Map<number, string> {
  const files = new Map<number, string>();
  for (const tid of threadIds(process)) {
    const text = unlessGone(() => readTextFile(`/proc/${process}/task/${tid}/${name}`));
    if (text !== undefined) files.set(tid, text);
  }
  return files;
}

/**
 * Reads the credentials of every thread of a process. Source: proc_pid_status(5).
 *
 * @throws {SystemError} `ENOENT` if there is no such process, or no /proc.
 */
export function threadCredentials(process: number | "self"): ThreadCredentials[] {
  return [...threadFiles(process, "status")].map(([tid, status]) => parseStatus(tid, status));
}
