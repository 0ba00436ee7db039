/**
 * The packet sockets of this network namespace, from `/proc/net/packet`, and those that no process
 * shows.
 *
 * A process can hold a packet socket that `/proc/PID/fd` does not show: it may be in flight in the
 * queue of a Unix socket, registered in an io_uring, or mapped as a ring whose descriptor is
 * closed. The namespace's table lists it nevertheless.
 *
 * @module
 */

import { SystemError } from "../../../ffi/abi/errno.ts";
import { readTextFile } from "../../../ffi/process/file.ts";
import { openDescriptors, unlessGone } from "../../../ffi/process/proc.ts";
import { CannotLook } from "../../evidence/errors.ts";
import { allProcesses } from "../processes/processes.ts";

/** A row of the table. Source: packet_seq_show in net/packet/af_packet.c. */
export interface PacketSocketRow {
  /** The socket, as `/proc/PID/fd` names it: `socket:[4711]`. */
  readonly link: string;
  /** The memory of its receive queue, in bytes, with the kernel's overhead; 0 if it has a ring. */
  readonly queued: number;
}

/** Parses the text of `/proc/net/packet`. */
export function parsePacketTable(table: string): PacketSocketRow[] {
  // The inode, the last column, is padded with spaces.
  const [head = [], ...rows] = table.trim().split("\n").map((line) => line.trim().split(/\s+/));
  const [inode, memory] = [head.indexOf("Inode"), head.indexOf("Rmem")];
  return rows.map((row) => ({ link: `socket:[${row[inode]}]`, queued: Number(row[memory]) }));
}

/**
 * Lists the packet sockets of this network namespace.
 *
 * @throws {CannotLook} If there is no such table: the kernel lacks CONFIG_PACKET, or /proc shows
 * only processes.
 */
export function packetSockets(): PacketSocketRow[] {
  try {
    return parsePacketTable(readTextFile("/proc/net/packet", TABLE_LIMIT));
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new CannotLook(
      `The packet sockets of this namespace cannot be listed: ${error.message}: a whole /proc is ` +
        "needed: mount -t proc proc /proc",
    );
  }
}

/** Returns the links of the packet sockets that exist now. */
export function linksOfPacketSockets(): Set<string> {
  return new Set(packetSockets().map(({ link }) => link));
}

/** The longest text of the table, in bytes: some hundred thousand sockets. */
export const TABLE_LIMIT = 1 << 25;

/**
 * Returns the links that no process shows among its descriptors.
 *
 * @param links The links to look for.
 * @param excluded Processes to leave out, because their descriptors have been examined already.
 */
export function linksWithoutHolder(
  links: readonly string[],
  excluded: readonly number[],
): string[] {
  const left = new Set(links);
  for (const pid of left.size === 0 ? [] : allProcesses()) {
    if (excluded.includes(pid)) continue;
    const open = unlessGone(() => openDescriptors(pid)) ?? new Map<number, string>();
    for (const link of open.values()) left.delete(link);
    if (left.size === 0) break;
  }
  return [...left];
}
