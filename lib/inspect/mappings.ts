/**
 * The memory of another process that is more than its own: shared mappings, which outlive the descriptor that
 * they were made by.
 *
 * @module
 */

import { readTextFile } from "../../ffi/mod.ts";

/** The text of `/proc/PID/maps` of a runtime is some 100 KiB. */
const MAPS_LIMIT = 1 << 24;

/** Lists what is mapped shared, as `/proc/PID/maps` names it: a path, `socket:[4711]`, `anon_inode:[io_uring]`. */
export function sharedMappings(pid: number): string[] {
  return parseSharedMappings(readTextFile(`/proc/${pid}/maps`, MAPS_LIMIT));
}

/**
 * Lists the files that are mapped privately and that not everybody may read: opened as root, such a mapping goes on showing root's file.
 *
 * @throws {SystemError} If there is no such process.
 */
export function mappedFilesOfRoot(pid: number): string[] {
  const paths = parsePrivateFiles(readTextFile(`/proc/${pid}/maps`, MAPS_LIMIT));
  return paths.filter((path) => path !== Deno.execPath() && !isForEverybody(path));
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

/** {@linkcode sharedMappings}, of the text. Source: proc_pid_maps(5). */
export function parseSharedMappings(maps: string): string[] {
  return maps.split("\n").flatMap((line) => {
    const [, path] = line.match(/^[0-9a-f]+-[0-9a-f]+ ..[-x]s \S+ \S+ \d+ *(.*)$/) ?? [];
    return path === undefined ? [] : [path === "" ? "shared memory without a name" : path];
  });
}
