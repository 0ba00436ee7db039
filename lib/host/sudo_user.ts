/**
 * The user behind sudo(8). Root writes the files of a run, and this user wants to read them.
 *
 * Theory of operation. A file is given to the user only where the user could have made it: a user
 * who may run fdpass by sudo, and nothing else, must not come to own a file in a folder of root's.
 * So the kernel is asked: setpriv(1) becomes the user, with all groups, in that very folder, and
 * test(1) calls access(2). In a sticky folder such as /tmp, nobody replaces another user's file.
 *
 * @module
 */

import { type Identity, UNCHANGED } from "../../ffi/process/credentials.ts";
import { userByUid } from "../../ffi/process/users.ts";

/**
 * Returns the user who started this program by sudo; `undefined` if there is none, or if it is
 * root. `SUDO_UID` counts only for root, and only as the number of a user that exists.
 *
 * @param variable Returns the value of an environment variable.
 */
export function sudoUser(
  variable: (name: string) => string | undefined = (name) => Deno.env.get(name),
): Identity | undefined {
  if (Deno.uid() !== 0) return undefined;
  const uid = asId(variable("SUDO_UID"));
  const user = uid === undefined || uid === 0 ? undefined : userByUid(uid);
  return user && { uid: user.uid, gid: asId(variable("SUDO_GID")) ?? user.gid };
}

function asId(text: string | undefined): number | undefined {
  const id = /^\d{1,10}$/.test(text ?? "") ? Number(text) : UNCHANGED;
  return id < UNCHANGED ? id : undefined;
}

const STICKY = 0o1000;

/**
 * Whether a user may create a file in a folder, or replace the one that is there.
 *
 * @param folder Its path, or `/proc/self/fd/N`, also if that descriptor is close-on-exec.
 * @param name The file's name.
 */
export function mayCreate({ uid, gid }: Identity, folder: string, name: string): boolean {
  const { mode, uid: ownerOfFolder } = Deno.statSync(folder);
  const isSticky = ((mode ?? 0) & STICKY) !== 0;
  if (isSticky && ownerOfFolder !== uid && (ownerOf(`${folder}/${name}`) ?? uid) !== uid) {
    return false;
  }
  const become = [`--reuid=${uid}`, `--regid=${gid}`, "--init-groups", "--"];
  const { success } = new Deno.Command("/usr/bin/setpriv", {
    args: [...become, "/usr/bin/test", "-w", ".", "-a", "-x", "."],
    cwd: folder,
    clearEnv: true,
    stderr: "null",
  }).outputSync();
  return success;
}

/** The owner of a file; `undefined` if there is none. */
function ownerOf(path: string): number | null | undefined {
  try {
    return Deno.lstatSync(path).uid;
  } catch {
    return undefined;
  }
}
