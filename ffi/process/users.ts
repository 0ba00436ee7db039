/**
 * Users and groups by name, as the system's own databases have them.
 *
 * By the functions that return an errno: their older sisters (getpwnam(3), …) answer NULL for "there is none" and for "I cannot look".
 *
 * @module
 */

import { Errno, SystemError } from "../abi/errno.ts";
import { group, passwd } from "../abi/layouts.ts";
import { cString, libc } from "../abi/libc.ts";
import type { Fields, Struct, StructView } from "../abi/struct.ts";

/** Where an answer goes: the struct, the texts that it points to, and a pointer that stays NULL if there is none. */
type Lookup = (
  entry: Uint8Array<ArrayBuffer>,
  texts: Uint8Array<ArrayBuffer>,
  size: bigint,
  found: BigUint64Array<ArrayBuffer>,
) => number;

/** The room for the texts of an entry, in bytes: at first, and at most. A group may have thousands of members. */
const ROOM = 1024, MOST_ROOM = 1 << 20;

/**
 * Looks an entry up, with more room until it fits.
 *
 * SAFETY: of an entry only numbers are read, so nobody follows its pointers to the texts.
 */
function lookUp<F extends Fields>(
  call: string,
  layout: Struct<F>,
  lookup: Lookup,
): StructView<F> | undefined {
  for (let room = ROOM;; room *= 4) {
    const entry = new Uint8Array(layout.size);
    const found = new BigUint64Array(1);
    const errno = lookup(entry, new Uint8Array(room), BigInt(room), found);
    if (errno === 0) return found[0] === 0n ? undefined : layout.over(entry);
    if (errno !== Errno.ERANGE || room >= MOST_ROOM) throw new SystemError(call, errno);
  }
}

/** A user, as the password database has it. */
export interface User {
  /** The user's number. */
  readonly uid: number;
  /** The gid of the user's own group. */
  readonly gid: number;
}

function asUser(entry: StructView<typeof passwd.fields> | undefined): User | undefined {
  return entry && { uid: entry.pw_uid, gid: entry.pw_gid };
}

/**
 * getpwnam_r(3): the user of that name, or `undefined`.
 *
 * @throws {SystemError} If the database cannot be read: `EIO`, `ENFILE`, …
 */
export function userByName(name: string): User | undefined {
  return asUser(lookUp("getpwnam_r", passwd, (...to) => libc.getpwnam_r(cString(name), ...to)));
}

/**
 * getpwuid_r(3): the user with that uid, or `undefined`.
 *
 * @throws {SystemError} If the database cannot be read: `EIO`, `ENFILE`, …
 */
export function userByUid(uid: number): User | undefined {
  return asUser(lookUp("getpwuid_r", passwd, (...to) => libc.getpwuid_r(uid, ...to)));
}

/**
 * getgrnam_r(3): the gid of the group of that name, or `undefined`.
 *
 * @throws {SystemError} If the database cannot be read: `EIO`, `ENFILE`, …
 */
export function gidByName(name: string): number | undefined {
  return lookUp("getgrnam_r", group, (...to) => libc.getgrnam_r(cString(name), ...to))?.gr_gid;
}
