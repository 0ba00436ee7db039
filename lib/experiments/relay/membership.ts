/**
 * Reads from /proc/net/igmp which IPv4 groups an interface has joined.
 *
 * @module
 */

import { readTextFile } from "../../../ffi/process/file.ts";
import { ipv4Bytes } from "../../../ffi/socket/inet.ts";

/**
 * Counts the sockets that are members of a group on an interface.
 *
 * Source: igmp_mc_seq_show in net/ipv4/igmp.c.
 *
 * @param group An IPv4 address.
 * @param table The text of /proc/net/igmp.
 */
export function membersOf(
  group: string,
  ifindex: number,
  table = readTextFile("/proc/net/igmp"),
): number {
  // The kernel prints the address as a number in the machine's byte order: bytes reversed.
  const name = ipv4Bytes(group)!.toReversed().toHex().toUpperCase();
  let isOurs = false;
  for (const line of table.split("\n")) {
    const device = line.match(/^(\d+)\t/);
    if (device !== null) isOurs = Number(device[1]) === ifindex;
    const membership = line.match(/^\t+([0-9A-F]{8}) +(\d+) /);
    if (isOurs && membership?.[1] === name) return Number(membership[2]);
  }
  return 0;
}
