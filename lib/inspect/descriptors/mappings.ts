/**
 * The mappings of another process that are more than its own memory. A mapping outlives the
 * descriptor that it was made from.
 *
 * @module
 */

import { readTextFile } from "../../../ffi/process/file.ts";

/** The longest text of `/proc/PID/maps`, in bytes. That of a Deno process has some 100 KiB. */
export const MAPS_LIMIT = 1 << 24;

/**
 * Lists what a process maps besides its own memory and public files, as `/proc/PID/maps` names it:
 * shared mappings (a path, `socket:[4711]`, `anon_inode:[io_uring]`), and files that not every user
 * may read. If root mapped such a file, the mapping still shows its content.
 *
 * @throws {SystemError} If there is no such process.
 */
export function foreignMappings(pid: number): string[] {
  const maps = readTextFile(`/proc/${pid}/maps`, MAPS_LIMIT);
  const isRestricted = (path: string) => path !== Deno.execPath() && !isWorldReadable(path);
  return [...parseSharedMappings(maps), ...parsePrivateFiles(maps).filter(isRestricted)];
}

const READABLE_BY_OTHERS = 0o004;

function isWorldReadable(path: string): boolean {
  try {
    return ((Deno.statSync(path).mode ?? 0) & READABLE_BY_OTHERS) !== 0;
  } catch {
    return false; // the file has no name any more, so its mode cannot be read
  }
}

/** Returns the paths of privately mapped files, each once, from the text of `/proc/PID/maps`. */
export function parsePrivateFiles(maps: string): string[] {
  const paths = maps.split("\n").flatMap((line) => {
    const [, path] = line.match(/^[0-9a-f]+-[0-9a-f]+ ..[-x]p \S+ \S+ \d+ +(\/.*)$/) ?? [];
    return path === undefined ? [] : [path];
  });
  return [...new Set(paths)];
}

/** Returns the shared mappings in the text of `/proc/PID/maps`. Source: proc_pid_maps(5). */
export function parseSharedMappings(maps: string): string[] {
  return maps.split("\n").flatMap((line) => {
    const [, path] = line.match(/^[0-9a-f]+-[0-9a-f]+ ..[-x]s \S+ \S+ \d+ *(.*)$/) ?? [];
    return path === undefined ? [] : [path === "" ? "shared memory without a name" : path];
  });
}
