/**
 * Users and groups by name, as the system's own databases have them.
 *
 * @module
 */

import { group, passwd } from "./layouts.ts";
import { bytesAt, cString, libc } from "./libc.ts";
import type { Struct, StructView } from "./struct.ts";
import type { Fields } from "./struct.ts";

function copyOf<F extends Fields>(
  pointer: Deno.PointerValue,
  layout: Struct<F>,
): StructView<F> | undefined {
  if (pointer === null) return undefined;
  // SAFETY: libc's answer lies in its own static memory until the next call of the same family; it is copied at once.
  return layout.over(bytesAt(pointer, layout.size));
}

/** A user, as the password database has it. */
export interface User {
  readonly uid: number;
  /** The gid of the user's own group. */
  readonly gid: number;
}

function asUser(entry: StructView<typeof passwd.fields> | undefined): User | undefined {
  return entry && { uid: entry.pw_uid, gid: entry.pw_gid };
}

/** getpwnam(3): the user of that name, or `undefined`. */
export function userByName(name: string): User | undefined {
  return asUser(copyOf(libc.getpwnam(cString(name)), passwd));
}

/** getpwuid(3): the user with that uid, or `undefined`. */
export function userByUid(uid: number): User | undefined {
  return asUser(copyOf(libc.getpwuid(uid), passwd));
}

/** getgrnam(3): the gid of the group of that name, or `undefined`. */
export function gidByName(name: string): number | undefined {
  return copyOf(libc.getgrnam(cString(name)), group)?.gr_gid;
}
