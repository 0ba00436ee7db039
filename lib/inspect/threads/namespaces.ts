/**
 * The namespaces of a thread, beside those of this process. A thread may be in other ones than the
 * rest of its process: setns(2) and unshare(2) move the calling thread.
 *
 * @module
 */

import type { InspectedNamespace } from "../../evidence/inspected.ts";
import { linkAt } from "../links.ts";

/** The kinds of namespaces, as /proc names them: namespaces(7). */
const NAMESPACE_KINDS = [
  "mnt",
  "net",
  "pid",
  "user",
  "ipc",
  "uts",
  "cgroup",
  "time",
] as const;

/**
 * Returns the links of a thread's namespaces by kind, such as `net:[4026531840]`. A kind that this
 * kernel lacks is left out.
 *
 * @param folder The thread, such as `/proc/4711/task/4712`.
 * @throws {SystemError} `EACCES` without permission.
 */
export function namespacesOf(folder: string): Map<string, string> {
  return new Map(NAMESPACE_KINDS.flatMap((kind) => {
    const link = linkAt(`${folder}/ns/${kind}`);
    return link === undefined ? [] : [[kind, link]];
  }));
}

/** Returns the namespaces of a thread, beside those of this process. */
export function besideOwn(theirs: ReadonlyMap<string, string>): InspectedNamespace[] {
  const own = namespacesOf("/proc/self");
  return [...theirs].map(([kind, link]) => ({ kind, link, same: own.get(kind) === link }));
}
