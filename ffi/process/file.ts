/**
 * Reading files, links and folders through libc, for a process without Deno's permission to read,
 * and for `/proc`, for which Deno requires all permissions.
 *
 * @module
 */

import {
  AT_FDCWD,
  AT_SYMLINK_FOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_TMPFILE,
  O_WRONLY,
} from "../abi/constants.ts";
import { close } from "./descriptor.ts";
import { AnswerError, attempt, check, checkRestarting } from "../abi/errno.ts";
import { dirent64 } from "../abi/layouts.ts";
import { cString, libc } from "../abi/libc.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Opens an existing file: open(2).
 *
 * @param flags Such as `O_RDONLY | O_CLOEXEC`; not `O_CREAT`, which needs a mode.
 * @returns Its descriptor.
 * @throws {SystemError} `ENOENT`, `EACCES`, …
 */
export function open(path: string, flags: number): number {
  return checkRestarting(() => libc.open(cString(path), flags, 0), "open");
}

/**
 * Creates a file without a name, for writing: open(2), `O_TMPFILE`. It vanishes with its last
 * descriptor, unless {@linkcode giveName} names it before.
 *
 * @param folder A folder of the file system on which to create it.
 * @param mode Its permissions.
 * @returns Its descriptor, close-on-exec.
 * @throws {SystemError} `EOPNOTSUPP` (the file system has no such files), `EACCES`, `EROFS`, …
 */
export function openUnnamed(folder: string, mode: number): number {
  const flags = O_TMPFILE | O_WRONLY | O_CLOEXEC;
  return checkRestarting(() => libc.open(cString(folder), flags, mode), "open");
}

/**
 * Creates a file, for writing: open(2), `O_CREAT | O_EXCL`. A symbolic link of that name is not
 * followed.
 *
 * @param mode Its permissions, except those that the umask removes.
 * @returns Its descriptor, close-on-exec.
 * @throws {SystemError} `EEXIST`, `ENOENT` (no folder), `EACCES`, `EROFS`, …
 */
export function createNew(path: string, mode: number): number {
  const flags = O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC;
  return checkRestarting(() => libc.open(cString(path), flags, mode), "open");
}

/**
 * Sets the permissions of an open file: fchmod(2). The umask does not matter.
 *
 * @throws {SystemError} `EPERM` (the file is another user's), `EROFS`, …
 */
export function setMode(fd: number, mode: number): void {
  check(libc.fchmod(fd, mode), "fchmod");
}

/**
 * Gives an open file to a user and a group: fchown(2).
 *
 * @throws {SystemError} `EPERM` (no CAP_CHOWN, or a file system without owners), `EINVAL` (an id
 * that is not mapped in this user namespace), `EROFS`, …
 */
export function setOwner(fd: number, uid: number, gid: number): void {
  check(libc.fchown(fd, uid, gid), "fchown");
}

/**
 * Gives an open file a name that is not taken: linkat(2). open(2): "you need to have /proc
 * mounted".
 *
 * @param fd From {@linkcode openUnnamed}.
 * @throws {SystemError} `EEXIST`, `ENOENT` (no folder, or no /proc), `EACCES`, …
 */
export function giveName(fd: number, path: string): void {
  const from = cString(`/proc/self/fd/${fd}`);
  check(libc.linkat(AT_FDCWD, from, AT_FDCWD, cString(path), AT_SYMLINK_FOLLOW), "linkat");
}

function withOpen<T>(path: string, use: (fd: number) => T): T {
  const fd = attempt(`Cannot read "${path}"`, () => open(path, O_RDONLY | O_CLOEXEC));
  try {
    return use(fd);
  } finally {
    close(fd);
  }
}

/**
 * Reads a file from its beginning, up to a number of bytes: open(2), read(2), close(2).
 *
 * @param path Its path.
 * @param most The most bytes that are read.
 * @returns The bytes; fewer than `most` if the file ends there.
 * @throws {SystemError} `ENOENT`, `EACCES`, … of open(2) and read(2).
 */
export function readBeginning(path: string, most: number): Uint8Array<ArrayBuffer> {
  return withOpen(path, (fd) => {
    let bytes = new Uint8Array(Math.min(4096, most));
    for (let length = 0;;) {
      const rest = bytes.subarray(length);
      const count = checkRestarting(() => libc.read(fd, rest, BigInt(rest.length)), "read");
      length += count;
      if (count === 0 || length === most) return bytes.subarray(0, length);
      if (length === bytes.length) {
        const larger = new Uint8Array(Math.min(bytes.length * 2, most));
        larger.set(bytes);
        bytes = larger;
      }
    }
  });
}

/**
 * Reads a whole text file: open(2), read(2), close(2).
 *
 * @param path Its path.
 * @param limit The largest size, in bytes.
 * @throws {SystemError} `ENOENT`, `EACCES`, … of open(2) and read(2).
 * @throws {RangeError} If the file is larger than `limit`.
 * @throws {AnswerError} If it contains NUL.
 */
export function readTextFile(path: string, limit = 1 << 20): string {
  const bytes = readBeginning(path, limit + 1);
  if (bytes.length > limit) throw new RangeError(`"${path}" is longer than ${limit} bytes`);
  return textIn(bytes, "read", path);
}

/**
 * Reads the target of a symbolic link: readlink(2).
 *
 * @throws {SystemError} `ENOENT`, `EACCES`, `EINVAL` (not a link), …
 * @throws {AnswerError} If the target is empty or contains NUL.
 */
export function readLink(path: string): string {
  const bytes = new Uint8Array(4096); // PATH_MAX
  const length = attempt(
    `Cannot read the link "${path}"`,
    () => check(libc.readlink(cString(path), bytes, BigInt(bytes.length)), "readlink"),
  );
  if (length === 0) throw new AnswerError("readlink", `"${path}" is empty`);
  return textIn(bytes.subarray(0, length), "readlink", path);
}

/** Decodes text. Text contains no NUL; a buffer that the kernel did not write contains only NUL. */
function textIn(bytes: Uint8Array, syscall: string, path: string): string {
  if (bytes.includes(0)) throw new AnswerError(syscall, `NUL in "${path}"`);
  return decoder.decode(bytes);
}

/**
 * The names in a folder, without `.` and `..`, in the order of the kernel: open(2), getdents64(2),
 * close(2).
 *
 * @throws {SystemError} `ENOENT`, `EACCES`, `ENOTDIR`, …
 * @throws {AnswerError} If an entry is malformed.
 */
export function readDirectory(path: string): string[] {
  return withOpen(path, (fd) => {
    const names: string[] = [];
    const entries = new Uint8Array(32768);
    for (;;) {
      const length = check(libc.getdents64(fd, entries, BigInt(entries.length)), "getdents64");
      if (length === 0) return names;
      for (let offset = 0; offset < length;) {
        const { d_reclen } = dirent64.over(entries, offset);
        if (d_reclen < dirent64.size) {
          throw new AnswerError("getdents64", `an entry of ${d_reclen} bytes in "${path}"`);
        }
        const start = offset + dirent64.size;
        const name = decoder.decode(entries.subarray(start, entries.indexOf(0, start)));
        if (name !== "." && name !== "..") names.push(name);
        offset += d_reclen;
      }
    }
  });
}
