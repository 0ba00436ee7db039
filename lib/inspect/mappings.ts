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

/** {@linkcode sharedMappings}, of the text. Source: proc_pid_maps(5). */
export function parseSharedMappings(maps: string): string[] {
  return maps.split("\n").flatMap((line) => {
    const [, path] = line.match(/^[0-9a-f]+-[0-9a-f]+ ..[-x]s \S+ \S+ \d+ *(.*)$/) ?? [];
    return path === undefined ? [] : [path === "" ? "shared memory without a name" : path];
  });
}
