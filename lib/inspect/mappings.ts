/**
 * The memory of another process that is more than its own: mappings, which outlive the descriptor that they were
 * made by.
 *
 * @module
 */

import { readTextFile } from "../../ffi/process/file.ts";

/** The text of `/proc/PID/maps` of a runtime is some 100 KiB. */
const MAPS_LIMIT = 1 << 24;

/**
 * Lists what a process has mapped beyond memory and programs of its own, as `/proc/PID/maps` names it: what is shared (a path, `socket:[4711]`,
 * `anon_inode:[io_uring]`), and files that not everybody may read. Opened as root, such a mapping goes on showing root's file.
 *
 * @throws {SystemError} If there is no such process.
 */
export function mappingsOfOthers(pid: number): string[] {
  const maps = readTextFile(`/proc/${pid}/maps`, MAPS_LIMIT);
  const isRoots = (path: string) => path !== Deno.execPath() && !isForEverybody(path);
  return [...parseSharedMappings(maps), ...parsePrivateFiles(maps).filter(isRoots)];
}

const READABLE_BY_OTHERS = 0o004;

function isForEverybody(path: string): boolean {
  try {
    return ((Deno.statSync(path).mode ?? 0) & READABLE_BY_OTHERS) !== 0;
  } catch {
    return false; // it has no name any more, so nobody can tell whose it was
  }
}

/** The paths of the files that are mapped privately, each once, in the text of `/proc/PID/maps`. */
export function parsePrivateFiles(maps: string): string[] {
  const paths = maps.split("\n").flatMap((line) => {
    const [, path] = line.match(/^[0-9a-f]+-[0-9a-f]+ ..[-x]p \S+ \S+ \d+ +(\/.*)$/) ?? [];
    return path === undefined ? [] : [path];
  });
  return [...new Set(paths)];
}

/** What is mapped shared, in the text of `/proc/PID/maps`. Source: proc_pid_maps(5). */
export function parseSharedMappings(maps: string): string[] {
  return maps.split("\n").flatMap((line) => {
    const [, path] = line.match(/^[0-9a-f]+-[0-9a-f]+ ..[-x]s \S+ \S+ \d+ *(.*)$/) ?? [];
    return path === undefined ? [] : [path === "" ? "shared memory without a name" : path];
  });
}
