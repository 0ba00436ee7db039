/**
 * Every thread of a process, with its credentials, however many there are.
 *
 * @module
 */

import { readDirectory, readTextFile } from "../../../ffi/process/file.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import { parseStatus, type ThreadCredentials } from "./threads.ts";

/** The threads of a process at one moment. */
export interface ThreadList {
  /** The threads that run, the first of the process first, if it has not ended. */
  readonly threads: readonly ThreadCredentials[];
  /** The threads that have ended and stay listed. They can do nothing. */
  readonly ended: readonly number[];
  /** The number of threads whose credentials were not read. */
  readonly unread: number;
  /**
   * The number of threads that were listed, and were gone before they could be read. Any of them
   * may have started another one, which is not in the list.
   */
  readonly gone: number;
}

/**
 * The most supplementary groups that are kept of all threads together: each may have 65,536.
 * Source: credentials(7).
 */
const GROUPS_LIMIT = 1 << 21;

/**
 * Reads the credentials of every thread.
 *
 * @param deadline By `performance.now()`. Threads that are left then are not read.
 * @throws {SystemError} `ENOENT` if there is no such process.
 */
export function listThreads(pid: number, deadline: number): ThreadList {
  const tids = readDirectory(`/proc/${pid}/task`).map(Number);
  const threads: ThreadCredentials[] = [];
  const ended: number[] = [];
  let groups = 0, gone = 0;
  for (const [at, tid] of tids.entries()) {
    if (performance.now() > deadline || groups > GROUPS_LIMIT) {
      return { threads, ended, unread: tids.length - at, gone };
    }
    const status = unlessGone(() => readTextFile(`/proc/${pid}/task/${tid}/status`));
    if (status === undefined) {
      gone++;
      continue;
    }
    if (/^State:\s*[ZX]/m.test(status)) {
      ended.push(tid);
      continue;
    }
    const credentials = parseStatus(tid, status);
    groups += credentials.groups.length;
    threads.push(credentials);
  }
  return { threads, ended, unread: 0, gone };
}

/**
 * Returns whether two lists show the same threads with the same credentials, and no thread escaped
 * from either. A thread that starts another and ends, again and again, is in neither list.
 */
export function areSameThreads(one: ThreadList, other: ThreadList): boolean {
  return one.gone + other.gone === 0 && JSON.stringify(one) === JSON.stringify(other);
}
