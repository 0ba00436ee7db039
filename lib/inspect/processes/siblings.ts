/**
 * Other processes of the same user, which a process may trace, and whose descriptors it may copy,
 * if they are dumpable: ptrace(2), "Ptrace access mode checking".
 *
 * @module
 */

import { readTextFile } from "../../../ffi/process/file.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import { isDumpable } from "./dumpable.ts";
import { processesIn } from "./processes.ts";
import type { Siblings } from "../subject.ts";
import { parseStatus } from "../threads/threads.ts";

/**
 * Finds the other processes whose real, effective and saved user is a given one, in the PID
 * namespace of a process and below it. If that cannot be told of a process, it
 * counts as dumpable.
 *
 * @param pidNamespace Its PID namespace, such as `pid:[4026531836]`.
 * @param deadline By `performance.now()`.
 * @returns undefined if there are too many to look at in time.
 * @throws {SystemError} If /proc cannot be read.
 */
export function seeSiblings(
  pid: number,
  pidNamespace: string,
  uid: number,
  deadline: number,
): Siblings | undefined {
  const dumpable: number[] = [], undumpable: number[] = [];
  for (const each of processesIn(pidNamespace)) {
    if (performance.now() > deadline) return undefined;
    if (each.pid === pid || !each.isAlive) continue;
    const folder = `/proc/${each.pid}`;
    const status = unlessGone(() => readTextFile(`${folder}/status`));
    if (status === undefined) continue;
    const { uids } = parseStatus(each.pid, status);
    if (uids.slice(0, 3).some((other) => other !== uid)) continue;
    (isDumpable(folder, uid) === false ? undumpable : dumpable).push(each.pid);
  }
  return { dumpable, undumpable };
}
