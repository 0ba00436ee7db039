/**
 * Users and groups by name, from the databases of the system.
 *
 * The reentrant functions return an error number. The older ones (getpwnam(3), …) return NULL both
 * for "no entry" and for "the database cannot be read".
 *
 * @module
 */

import { Errno, SystemError } from "../abi/errno.ts";
import { group, passwd } from "../abi/layouts.ts";
import { cString, libc } from "../abi/libc.ts";
import type { Fields, Struct, StructView } from "../abi/struct.ts";

/**
 * Calls a lookup function with the buffers for its answer: the struct, its texts, and a pointer
 * that stays NULL if there is no entry.
 */
type Lookup = (
  entry: Uint8Array<ArrayBuffer>,
  texts: Uint8Array<ArrayBuffer>,
  size: bigint,
  found: BigUint64Array<ArrayBuffer>,
) => number;

/**
 * The size of the buffer for the texts of an entry, in bytes: the first, and the largest. A group
 * may have thousands of members.
 */
const ROOM = 1024, MOST_ROOM = 1 << 20;

/**
 * Looks up an entry, with a larger buffer until it fits.
 *
 * SAFETY: only numbers are read from an entry, so its pointers to the texts are never followed.
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

/** A user of the password database. */
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
 * The user of that name, or `undefined`: getpwnam_r(3).
 *
 * @throws {SystemError} If the database cannot be read: `EIO`, `ENFILE`, …
 */
export function userByName(name: string): User | undefined {
  return asUser(lookUp("getpwnam_r", passwd, (...to) => libc.getpwnam_r(cString(name), ...to)));
}

/**
 * The user with that uid, or `undefined`: getpwuid_r(3).
 *
 * @throws {SystemError} If the database cannot be read: `EIO`, `ENFILE`, …
 */
export function userByUid(uid: number): User | undefined {
  return asUser(lookUp("getpwuid_r", passwd, (...to) => libc.getpwuid_r(uid, ...to)));
}

/**
 * The gid of the group of that name, or `undefined`: getgrnam_r(3).
 *
 * @throws {SystemError} If the database cannot be read: `EIO`, `ENFILE`, …
 */
export function gidByName(name: string): number | undefined {
  return lookUp("getgrnam_r", group, (...to) => libc.getgrnam_r(cString(name), ...to))?.gr_gid;
}
