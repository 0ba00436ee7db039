/**
 * Users by name or number: the identities that children can drop to.
 *
 * @module
 */

import { attempt, Errno, SystemError } from "../../ffi/abi/errno.ts";
import { rawSyscall } from "../../ffi/abi/raw_syscall.ts";
import { type Identity, UNCHANGED } from "../../ffi/process/credentials.ts";
import { readTextFile } from "../../ffi/process/file.ts";
import { gidByName, userByName, userByUid } from "../../ffi/process/users.ts";
import { CannotAnswer, UsageError } from "../evidence/errors.ts";

/** The most users in a range. */
const RANGE_LIMIT = 256;

const DECIMAL = /^\d{1,10}$/;

/**
 * Returns the identities that `FIRST-LAST[:GROUP]` or `USER[:GROUP]` names. In a range without a
 * group, the gid of each user equals its uid.
 *
 * @throws {UsageError} As {@linkcode findIdentity}, or if the range is empty or too long.
 */
export function findIdentities(user: string): Identity[] {
  const range = user.match(/^(\d{1,10})-(\d{1,10})(:.*)?$/);
  if (range === null) return [findIdentity(user)];
  const [first, last] = [Number(range[1]), Number(range[2])];
  if (last < first || last - first >= RANGE_LIMIT) {
    throw new UsageError(
      `--user must be a range of 1 to ${RANGE_LIMIT} users, not ${JSON.stringify(user)}`,
    );
  }
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const uid = first + i;
    return findIdentity(`${uid}${range[3] ?? `:${uid}`}`);
  });
}

/**
 * Returns the identity that `USER[:GROUP]` names.
 *
 * @throws {UsageError} If there is no such user or group, or if it is root.
 */
export function findIdentity(user: string): Identity {
  const [userName, groupName, ...more] = user.split(":");
  if (more.length > 0 || userName === "" || groupName === "") {
    throw new UsageError(`--user must be USER or USER:GROUP, not ${JSON.stringify(user)}`);
  }
  const byNumber = DECIMAL.test(userName);
  const found = attempt(
    `Cannot look up user ${JSON.stringify(userName)}`,
    () => byNumber ? userByUid(asId(userName, "user")) : userByName(userName),
  );
  if (!byNumber && found === undefined) {
    throw new UsageError(
      `--user: there is no user ${JSON.stringify(userName)}; a number may be given instead`,
    );
  }
  const uid = asId(byNumber ? userName : String(found?.uid), "user");
  if (groupName !== undefined) return { uid, gid: findGroup(groupName) };
  if (found === undefined) {
    throw new UsageError(
      `--user: user id ${uid} has no group of its own; name one: --user ${uid}:GROUP`,
    );
  }
  return { uid, gid: asId(String(found.gid), "group") };
}

/** Returns the name of a user, as /etc/passwd has it; `user` if it is not there. */
export function userName(uid: number): string {
  const [, name] = readTextFile("/etc/passwd").match(new RegExp(`^([^:]+):[^:]*:${uid}:`, "m")) ??
    [];
  return name ?? "user";
}

function findGroup(name: string): number {
  return asId(String(findGid(name, "--user")), "group");
}

/**
 * Returns the gids of the groups of `--groups`, each a name or a number. Unlike the group of
 * `--user`, it may be 0.
 *
 * @throws {UsageError} If there is no such group.
 */
export function findGroupIds(names: readonly string[]): number[] {
  return names.map((name) => {
    const gid = findGid(name, "--groups");
    if (gid < UNCHANGED) return gid;
    throw new UsageError(
      `--groups: group id ${name} is out of range: it must be from 0 to ${UNCHANGED - 1}`,
    );
  });
}

function findGid(name: string, option: "--user" | "--groups"): number {
  const gid = DECIMAL.test(name) ? Number(name) : attempt(
    `Cannot look up group ${JSON.stringify(name)}`,
    () => gidByName(name),
  );
  if (gid !== undefined) return gid;
  throw new UsageError(
    `${option}: there is no group ${JSON.stringify(name)}; a number may be given instead`,
  );
}

function asId(text: string, kind: "user" | "group"): number {
  const id = Number(text);
  if (id === 0) {
    throw new UsageError(
      `--user: ${kind} id 0 is root: dropping to root proves nothing; name another`,
    );
  }
  if (id >= UNCHANGED) {
    throw new UsageError(
      `--user: ${kind} id ${text} is out of range: it must be from 1 to ${UNCHANGED - 1}`,
    );
  }
  return id;
}

/**
 * Requires that the ids of an identity are mapped in this user namespace.
 *
 * @throws {CannotAnswer} If one is not.
 */
export function requireMapped({ uid, gid }: Identity): void {
  for (const [id, kind] of [[uid, "uid"], [gid, "gid"]] as const) {
    if (!isMapped(id, readTextFile(`/proc/self/${kind}_map`))) {
      throw new CannotAnswer(
        `${kind} ${id} is not mapped in this user namespace: no process here can become it (EINVAL)`,
        `Run outside the user namespace, map ${id} in /proc/PID/${kind}_map, ` +
          "or name a mapped one with --user",
      );
    }
  }
}

/**
 * Whether an id is mapped in a user namespace. Source: user_namespaces(7).
 *
 * @param map The text of `uid_map` or `gid_map`.
 */
export function isMapped(id: number, map: string): boolean {
  return map.trim().split("\n").some((line) => {
    const [inside, , length] = line.trim().split(/\s+/).map(Number);
    return id >= inside && id < inside + length;
  });
}

/**
 * Requires that this user namespace allows setgroups(2).
 *
 * @throws {CannotAnswer} If it does not.
 */
export function requireSetgroups(): void {
  if (readTextFile("/proc/self/setgroups").trim() === "deny") {
    throw new CannotAnswer(
      "setgroups is denied in this user namespace: supplementary groups cannot be dropped (EPERM)",
      "Run outside the user namespace, or make it with newgidmap(1) and setgroups allowed",
    );
  }
}

/**
 * Calls for the drop that change nothing with these arguments. They are raw, because libc makes
 * each on every thread, and aborts if a thread gets another answer than the others.
 */
const HARMLESS_CALLS = [
  () => rawSyscall("setgroups", -1, 0),
  () => rawSyscall("setresgid", UNCHANGED, UNCHANGED, UNCHANGED),
  () => rawSyscall("setresuid", UNCHANGED, UNCHANGED, UNCHANGED),
];

/**
 * Requires that root may change its ids here. A seccomp filter may forbid it to every process, and
 * then a child that stays root shows nothing.
 *
 * @throws {SystemError} If such a call is forbidden.
 */
export function requireChangeableIds(): void {
  for (const call of HARMLESS_CALLS) {
    attempt("No process here can change its ids", () => {
      try {
        call();
      } catch (error) {
        if (!(error instanceof SystemError && error.errno === Errno.EINVAL)) throw error;
      }
    });
  }
}

/** The ids that stand for ids which are not mapped in this user namespace. */
export interface OverflowIds {
  /** `undefined` if every uid is mapped. */
  readonly uid: number | undefined;
  /** `undefined` if every gid is mapped. */
  readonly gid: number | undefined;
}

/**
 * Returns the ids that `/proc` shows in place of any id that is not mapped in this user namespace,
 * among them that of real root. Source: user_namespaces(7), "Unmapped user and group IDs".
 */
export function overflowIds(): OverflowIds {
  const overflow = (kind: "uid" | "gid") =>
    mapsEveryId(readTextFile(`/proc/self/${kind}_map`))
      ? undefined
      : Number(readTextFile(`/proc/sys/kernel/overflow${kind}`));
  return { uid: overflow("uid"), gid: overflow("gid") };
}

/**
 * Whether every id is mapped in a user namespace, to whatever id outside.
 *
 * @param map The text of `uid_map` or `gid_map`.
 */
export function mapsEveryId(map: string): boolean {
  const ranges = map.trim().split("\n").map((line) => line.trim().split(/\s+/).map(Number))
    .toSorted(([one], [other]) => one - other);
  let next = 0;
  for (const [inside, , length] of ranges) {
    if (inside > next) return false;
    next = inside + length;
  }
  return next >= UNCHANGED;
}
