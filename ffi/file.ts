/**
 * Reading files, links and folders through libc: for a process that has no Deno permission to read, and for
 * `/proc`, for which Deno asks for all permissions.
 *
 * @module
 */

import { O_CLOEXEC, O_RDONLY } from "./constants.ts";
import { close } from "./descriptor.ts";
import { check, checkRestarting, Errno, SystemError } from "./errno.ts";
import { dirent64 } from "./layouts.ts";
import { cString, libc } from "./libc.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * open(2) of a file that is there.
 *
 * @param flags Such as `O_RDONLY | O_CLOEXEC`; not `O_CREAT`, which would want a mode.
 * @returns Its descriptor.
 * @throws {SystemError} `ENOENT`, `EACCES`, …
 */
export function open(path: string, flags: number): number {
  return checkRestarting(() => libc.open(cString(path), flags), "open");
}

function withOpen<T>(path: string, use: (fd: number) => T): T {
  const fd = open(path, O_RDONLY | O_CLOEXEC);
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
 */
export function readTextFile(path: string, limit = 1 << 20): string {
  return withOpen(path, (fd) => {
    let bytes = new Uint8Array(4096);
    for (let length = 0;;) {
      const rest = bytes.subarray(length);
      const count = checkRestarting(() => libc.read(fd, rest, BigInt(rest.length)), "read");
      if (count === 0) return decoder.decode(bytes.subarray(0, length));
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
  const length = check(
    libc.readlink(cString(path), bytes, BigInt(bytes.length)),
    "readlink",
  );
  return decoder.decode(bytes.subarray(0, length));
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
        const start = offset + dirent64.size;
        const name = decoder.decode(entries.subarray(start, entries.indexOf(0, start)));
        if (name !== "." && name !== "..") names.push(name);
        offset += d_reclen;
      }
    }
  });
}

/**
 * The descriptors that a process holds, with what each refers to, such as `socket:[4711]`.
 *
 * Reads the links of `/proc/PID/fd` (proc_pid_fd(5)); the descriptor that the reading itself takes is left out.
 *
 * @param process A process id, or `"self"`.
 * @throws {SystemError} `ENOENT` if there is no such process or no /proc, `EACCES` if it may not be looked at.
 */
export function openDescriptors(process: number | "self"): Map<number, string> {
  const folder = `/proc/${process}/fd`;
  const descriptors = new Map<number, string>();
  for (const name of readDirectory(folder)) {
    try {
      descriptors.set(Number(name), readLink(`${folder}/${name}`));
    } catch (error) {
      // Closed since the folder was read: the one for the folder itself always is.
      if (!(error instanceof SystemError && error.errno === Errno.ENOENT)) throw error;
    }
  }
  return descriptors;
}
