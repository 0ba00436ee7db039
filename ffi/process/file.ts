/**
 * Reading files, links and folders through libc: for a process that has no Deno permission to read, and for
 * `/proc`, for which Deno asks for all permissions.
 *
 * @module
 */

import {
  AT_FDCWD,
  AT_SYMLINK_FOLLOW,
  O_CLOEXEC,
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
 * open(2) of a file that is there.
 *
 * @param flags Such as `O_RDONLY | O_CLOEXEC`; not `O_CREAT`, which would want a mode.
 * @returns Its descriptor.
 * @throws {SystemError} `ENOENT`, `EACCES`, …
 */
export function open(path: string, flags: number): number {
  return checkRestarting(() => libc.open(cString(path), flags, 0), "open");
}

/**
 * open(2), `O_TMPFILE`: a file without a name, to be written. It is gone with its last descriptor, unless {@linkcode giveName} names it
 * before.
 *
 * @param folder On whose file system it is to be.
 * @param mode Its permissions.
 * @returns Its descriptor, close-on-exec.
 * @throws {SystemError} `EOPNOTSUPP` where the file system has no such files, `EACCES`, `EROFS`, …
 */
export function openUnnamed(folder: string, mode: number): number {
  const flags = O_TMPFILE | O_WRONLY | O_CLOEXEC;
  return checkRestarting(() => libc.open(cString(folder), flags, mode), "open");
}

/**
 * linkat(2): gives a file that is open a name, if nothing has it. open(2): "you need to have /proc mounted".
 *
 * @param fd As {@linkcode openUnnamed} returned it.
 * @throws {SystemError} `EEXIST`, `ENOENT` (no folder, no /proc), `EACCES`, …
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
 * The whole text of a file. Wraps open(2), read(2), close(2).
 *
 * @param path Its path.
 * @param limit The most bytes that are read.
 * @throws {SystemError} `ENOENT`, `EACCES`, … as open(2) and read(2) say.
 * @throws {RangeError} If there are more than `limit` bytes.
 * @throws {AnswerError} If it is no text.
 */
export function readTextFile(path: string, limit = 1 << 20): string {
  return withOpen(path, (fd) => {
    let bytes = new Uint8Array(4096);
    for (let length = 0;;) {
      const rest = bytes.subarray(length);
      const count = checkRestarting(() => libc.read(fd, rest, BigInt(rest.length)), "read");
      if (count === 0) return textIn(bytes.subarray(0, length), "read", path);
      length += count;
      if (length > limit) throw new RangeError(`"${path}" is longer than ${limit} bytes`);
      if (length === bytes.length) {
        const larger = new Uint8Array(bytes.length * 2);
        larger.set(bytes);
        bytes = larger;
      }
    }
  });
}

/**
 * What a symbolic link says. Wraps readlink(2).
 *
 * @throws {SystemError} `ENOENT`, `EACCES`, `EINVAL` (not a link), …
 */
export function readLink(path: string): string {
  const bytes = new Uint8Array(4096); // PATH_MAX
  const length = attempt(
    `Cannot read the link "${path}"`,
    () => check(libc.readlink(cString(path), bytes, BigInt(bytes.length)), "readlink"),
  );
  if (length === 0) throw new AnswerError("readlink", `"${path}" says nothing`);
  return textIn(bytes.subarray(0, length), "readlink", path);
}

/** What was read, as text. No text has a NUL in it; a buffer that nobody has written to has nothing else. */
function textIn(bytes: Uint8Array, syscall: string, path: string): string {
  if (bytes.includes(0)) throw new AnswerError(syscall, `NUL in "${path}"`);
  return decoder.decode(bytes);
}

/**
 * The names in a folder, without `.` and `..`, in the kernel's order. Wraps open(2), getdents64(2), close(2).
 *
 * @throws {SystemError} `ENOENT`, `EACCES`, `ENOTDIR`, …
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
