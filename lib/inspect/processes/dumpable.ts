/**
 * Whether a process is dumpable: whether others of the same user may trace it and copy its
 * descriptors. Its own files in /proc belong to its effective user if it is, and to the superuser
 * of the namespace in which its program was executed if it is not.
 * Source: proc_pid(5), task_dump_owner in fs/proc/base.c.
 *
 * @module
 */

import { readLink, readTextFile } from "../../../ffi/process/file.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import { overflowUid, seesEveryUser, userNamespacesAbove } from "../threads/user_namespaces.ts";

/**
 * Returns whether a process is dumpable; undefined where the owner of its files does not tell, as
 * for a process of the superuser.
 *
 * @param folder A thread of it that has not ended, such as `/proc/4711/task/4711`.
 * @param effectiveUid The effective user of that thread.
 * @throws {SystemError} If the user namespaces cannot be read.
 */
export function isDumpable(folder: string, effectiveUid: number): boolean | undefined {
  const owner = ownerOf(`${folder}/environ`);
  if (owner === undefined) return undefined;
  if (owner !== effectiveUid) return false;
  return superusers(folder)?.includes(effectiveUid) === false ? true : undefined;
}

function ownerOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).uid ?? undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Returns the users who could own the files of a process that is not dumpable, by their numbers
 * here; undefined if they are not known. Its program may have been executed in any user namespace
 * from its own upward, and of those between its own and that of this process nothing is known.
 */
function superusers(folder: string): number[] | undefined {
  const unnumbered = seesEveryUser() ? [] : [overflowUid()];
  const own = readLink("/proc/self/ns/user");
  const level = unlessGone(() => userNamespacesAbove(`${folder}/ns/user`))?.indexOf(own);
  if (level === 0) return [0, ...unnumbered];
  if (level !== 1) return undefined;
  const map = unlessGone(() => readTextFile(`${folder}/uid_map`)) ?? "";
  const [, root] = map.match(/^\s*0\s+(\d+)\s+\d+$/m) ?? [];
  return [0, ...root === undefined ? [] : [Number(root)], ...unnumbered];
}
