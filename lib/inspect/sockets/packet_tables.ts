/**
 * The packet sockets of every network namespace that a process is in, from `/proc/PID/net/packet`.
 *
 * @module
 */

import { SystemError } from "../../../ffi/abi/errno.ts";
import { readDirectory, readLink, readTextFile } from "../../../ffi/process/file.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import { allProcesses } from "../processes/processes.ts";
import { parsePacketTable, TABLE_LIMIT } from "./packet_sockets.ts";

/** The packet sockets of several network namespaces. */
export interface PacketTables {
  /** The namespace of each socket, such as `net:[4026531840]`, by the link of the socket. */
  readonly namespaces: ReadonlyMap<string, string>;
  /** Why sockets may be missing; empty if none can be. */
  readonly unseen: readonly string[];
}

/** The most network namespaces whose table is read. */
const NAMESPACE_LIMIT = 1024;

/** The most processes by which the table of a namespace is looked for. */
const WAYS_LIMIT = 8;

/**
 * Lists the packet sockets of the network namespaces of a process, of its threads, and of all other
 * processes. A namespace without a process is not found.
 *
 * @param pid The process.
 * @throws {SystemError} If /proc cannot be read.
 */
export function packetTables(pid: number): PacketTables {
  const namespaces = new Map<string, string>();
  const unseen: string[] = [];
  const ways = waysIntoNamespaces(pid);
  for (const [namespace, folders] of [...ways].slice(0, NAMESPACE_LIMIT)) {
    const reason = readTable(folders, (link) => namespaces.set(link, namespace));
    if (reason !== undefined) unseen.push(`the packet sockets of ${namespace}: ${reason}`);
  }
  if (ways.size > NAMESPACE_LIMIT) {
    unseen.push(`the packet sockets of ${ways.size - NAMESPACE_LIMIT} more network namespaces`);
  }
  return { namespaces, unseen };
}

/** Returns folders of /proc by network namespace, those of the process and its threads first. */
function waysIntoNamespaces(pid: number): Map<string, string[]> {
  const ways = new Map<string, string[]>();
  const folders = [...foldersOf(pid), ...allProcesses().map((other) => `/proc/${other}`)];
  for (const folder of folders) {
    const namespace = namespaceIn(folder);
    if (namespace === undefined) continue;
    const known = ways.get(namespace);
    if (known === undefined) ways.set(namespace, [folder]);
    else if (known.length < WAYS_LIMIT) known.push(folder);
  }
  return ways;
}

/** Returns the network namespace of a process, also if its first thread has ended. */
export function networkNamespaceOf(pid: number): string | undefined {
  for (const folder of foldersOf(pid)) {
    const namespace = namespaceIn(folder);
    if (namespace !== undefined) return namespace;
  }
}

/** Returns the folders of a process and of its threads. */
function foldersOf(pid: number): string[] {
  const tids = unlessGone(() => readDirectory(`/proc/${pid}/task`)) ?? [];
  return [`/proc/${pid}`, ...tids.map((tid) => `/proc/${pid}/task/${tid}`)];
}

/** Returns the network namespace; undefined for a process that has ended or may not be examined. */
function namespaceIn(folder: string): string | undefined {
  try {
    return readLink(`${folder}/ns/net`);
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}

/**
 * Reads the table of a namespace. A socket that is closed while the kernel writes the table can
 * make it leave out another one, so it is read twice.
 *
 * @returns Why it cannot be read; `undefined` if it was read.
 */
function readTable(
  folders: readonly string[],
  found: (link: string) => void,
): string | undefined {
  let reason = "";
  for (const folder of folders) {
    try {
      for (let time = 0; time < 2; time++) {
        const table = readTextFile(`${folder}/net/packet`, TABLE_LIMIT);
        parsePacketTable(table).forEach(({ link }) => found(link));
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof SystemError || error instanceof RangeError)) throw error;
      reason = error.message;
    }
  }
  return reason;
}
