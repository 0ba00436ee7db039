/**
 * The packet sockets of this network namespace, by `/proc/net/packet`, and those that no process shows.
 *
 * A packet socket need not stand in `/proc/PID/fd` to be held: it may be in flight in the queue of a Unix
 * socket, registered in an io_uring, or mapped as a ring whose descriptor is closed. The table of the
 * namespace lists it all the same.
 *
 * @module
 */

import { SystemError } from "../../ffi/abi/errno.ts";
import { readDirectory, readTextFile } from "../../ffi/process/file.ts";
import { openDescriptors, unlessGone } from "../../ffi/process/proc.ts";
import { CannotLook } from "../evidence/errors.ts";

/** One row of the table. Source: packet_seq_show in net/packet/af_packet.c. */
export interface PacketSocketRow {
  /** As `/proc/PID/fd` writes it: `socket:[4711]`. */
  readonly link: string;
  /** Bytes that wait in its receive queue, with their bookkeeping; 0 where it has a ring. */
  readonly queued: number;
}

/** Parses the text of `/proc/net/packet`. */
export function parsePacketTable(table: string): PacketSocketRow[] {
  // The inode, which stands last, is padded with spaces.
  const [head = [], ...rows] = table.trim().split("\n").map((line) => line.trim().split(/\s+/));
  const [inode, memory] = [head.indexOf("Inode"), head.indexOf("Rmem")];
  return rows.map((row) => ({ link: `socket:[${row[inode]}]`, queued: Number(row[memory]) }));
}

/**
 * Lists the packet sockets of this network namespace.
 *
 * @throws {CannotLook} If there is no such table: a kernel without CONFIG_PACKET, a /proc of processes alone.
 */
export function packetSockets(): PacketSocketRow[] {
  try {
    return parsePacketTable(readTextFile("/proc/net/packet", TABLE_LIMIT));
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new CannotLook(`The packet sockets of this namespace cannot be listed: ${error.message}`);
  }
}

/** The links of the packet sockets that are there now. */
export function linksOfPacketSockets(): Set<string> {
  return new Set(packetSockets().map(({ link }) => link));
}

/** A table of some hundred thousand sockets. */
const TABLE_LIMIT = 1 << 25;

/**
 * Finds those of `links` that no process but `hiding` shows among its descriptors.
 *
 * @param hiding Processes whose descriptors have been looked at already.
 */
export function heldByNobody(links: readonly string[], hiding: readonly number[]): string[] {
  const left = new Set(links);
  for (const name of left.size === 0 ? [] : readDirectory("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || hiding.includes(pid)) continue;
    const open = unlessGone(() => openDescriptors(pid)) ?? new Map<number, string>();
    for (const link of open.values()) left.delete(link);
    if (left.size === 0) break;
  }
  return [...left];
}
