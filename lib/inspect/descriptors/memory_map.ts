/**
 * The memory of another process: mappings that are writable and executable, and mapped sockets and
 * rings, which outlive their descriptors.
 *
 * @module
 */

import { readTextFile } from "../../../ffi/process/file.ts";
import { parseSharedMappings } from "./mappings.ts";

/** What the mappings of a process show. */
export interface SeenMemory {
  /** The number of mappings that are writable and executable. */
  readonly writableExecutable: number;
  /** The links of mapped sockets and rings, such as `socket:[4711]`, each once. */
  readonly mapped: readonly string[];
}

/** The longest text of `/proc/PID/maps`, in bytes: 65,530 mappings, each with a path. */
const MAPS_LIMIT = 1 << 25;

/**
 * Reads the mappings of a process.
 *
 * @param folder A thread of it, such as `/proc/4711/task/4712`.
 * @returns undefined if there are too many.
 * @throws {SystemError} `ENOENT` if it is gone; `EACCES` without permission.
 */
export function seeMemory(folder: string): SeenMemory | undefined {
  try {
    return parseMemory(readTextFile(`${folder}/maps`, MAPS_LIMIT));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Parses the text of `/proc/PID/maps`. Source: proc_pid_maps(5). */
export function parseMemory(maps: string): SeenMemory {
  const objects = parseSharedMappings(maps).filter((path) => /^(socket|anon_inode):/.test(path));
  return {
    writableExecutable: [...maps.matchAll(/^[0-9a-f]+-[0-9a-f]+ .wx/gm)].length,
    mapped: [...new Set(objects)],
  };
}
